"""What people change of the clusters that were found."""
