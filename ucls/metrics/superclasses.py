"""Scores against superclasses of the labels.

Shapes: N images, C classes.
"""

import numpy as np

from ucls.errors import UsageError
from ucls.metrics.scores import ami, ari, matched_classes, nmi
from ucls.types import Figures, IntArray, Labels, renumber


def superclass_metrics(labels: IntArray, clusters: IntArray, superclasses: Labels) -> Figures:
    """Scores of clusters at one level of a hierarchy, as in tables 2 and 3 of Self-Classifier.

    Amrani et al. (2022), section 6.1, cluster once, into about as many clusters as there are
    classes, and look at the same clusters at every level. So clusters are mapped to classes one to
    one, by the Hungarian method over all images, as for ``acc`` of the classes themselves, and an
    image is right if the class that its cluster stands for has the superclass of its own. More is
    right at a coarser level, as an image in the wrong class of the right superclass counts. The
    paper scores only the head with as many clusters as classes; here surplus clusters stand for no
    class, and their images are errors at every level.

    Images whose class has no superclass at the level, or is not in a subset such as those of
    BREEDS, are left out of the scores, not of the map; one of the others whose cluster stands for
    such a class is an error. The paper does not say whether it maps anew for each subset.

    In its table 3 ACC is of superclasses, but NMI, AMI and ARI are of the classes in the subset: an
    NMI of 0.736 with 13 even superclasses cannot be of these and clusters as fine as the classes,
    whose entropy alone keeps it below 0.64. They are ``class_nmi``, ``class_ami`` and
    ``class_ari``. ``nmi``, ``ami`` and ``ari`` compare superclasses with the superclass that each
    image's cluster stands for, where an error without any is one more.

    Args:
        labels: classes [N]; -1 is unknown.
        clusters: [N].
        superclasses: of each class, from 0, [C]; -1 where it has none.

    Returns:
        ``acc``, ``nmi``, ``ami``, ``ari``, ``class_nmi``, ``class_ami``, ``class_ari`` and
        ``n_images``, those that are scored.

    Raises:
        UsageError: as :func:`ucls.metrics.clustering_accuracy`, or if no image is scored.
    """
    labels, clusters = np.asarray(labels), np.asarray(clusters)
    truth = renumber(labels, superclasses)
    found = renumber(matched_classes(labels, clusters), superclasses)
    scored = truth >= 0
    if not scored.any():
        raise UsageError(
            "expected images whose class has a superclass, got none: check the hierarchy"
        )
    truth, found = truth[scored], found[scored]
    return {
        "acc": float((truth == found).mean()),
        **{score.__name__: score(truth, found) for score in (nmi, ami, ari)},
        **{
            f"class_{score.__name__}": score(labels[scored], clusters[scored])
            for score in (nmi, ami, ari)
        },
        "n_images": int(scored.sum()),
    }
