/* Loaded before libc: makes calls on files under one folder fail, or kills the process at one.

   FAULT_UNDER  the folder; nothing happens without it
   FAULT_LOG    a file that gets a line for each call that counts
   FAULT_AT     which of these calls goes wrong, from 1; 0 or missing: none
   FAULT_ERRNO  how: the error, or 0 for SIGKILL in the middle of it
   FAULT_LASTS  if set, all later ones go wrong too, as on a full disk
   FAULT_READS  if set, reading counts in place of writing
   FAULT_CLOCK  seconds by which the clock is wrong */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

/* What libc has under a name, looked up once. */
#define FOUND(name)                              \
  ({                                             \
    static void *found;                          \
    if (!found) found = dlsym(RTLD_NEXT, name);  \
    found;                                       \
  })
#define REAL(name, ...) ((int (*)(__VA_ARGS__))FOUND(name))
#define REAL_SIZE(name, ...) ((ssize_t (*)(__VA_ARGS__))FOUND(name))

static long n_calls;

static void note(const char *operation, const char *path) {
  char line[PATH_MAX + 64];
  const char *log = getenv("FAULT_LOG");
  if (log == NULL) return;
  int file = REAL("open64", const char *, int, ...)(log, O_WRONLY | O_CREAT | O_APPEND, 0666);
  int length = snprintf(line, sizeof line, "%s %s\n", operation, path);
  REAL_SIZE("write", int, const void *, size_t)(file, line, (size_t)length);
  close(file);
}

/* Whether this call goes wrong; it never counts outside the folder. */
static int fails(const char *operation, const char *path, int reads) {
  const char *under = getenv("FAULT_UNDER"), *at = getenv("FAULT_AT");
  char whole[2 * PATH_MAX];
  if (under == NULL || path == NULL || *path == 0) return 0;
  if (*path != '/') {
    if (getcwd(whole, PATH_MAX) == NULL) return 0;
    strcat(strcat(whole, "/"), path);
    path = whole;
  }
  if (strncmp(path, under, strlen(under)) != 0) return 0;
  if (reads != (getenv("FAULT_READS") != NULL)) return 0;
  note(operation, path);
  n_calls++;
  long wanted = at == NULL ? 0 : atol(at);
  if (!wanted || n_calls < wanted || (n_calls > wanted && getenv("FAULT_LASTS") == NULL)) return 0;
  errno = atoi(getenv("FAULT_ERRNO"));
  return 1;
}

static int fails_open(const char *operation, int file, int reads) {
  char link[64], path[PATH_MAX];
  int kept = errno;
  snprintf(link, sizeof link, "/proc/self/fd/%d", file);
  ssize_t length = readlink(link, path, sizeof path - 1);
  errno = kept;
  if (length < 0 || *path != '/') return 0; /* a pipe or a socket */
  path[length] = 0;
  return fails(operation, path, reads);
}

static void die_if_asked(void) {
  if (errno == 0) raise(SIGKILL);
}

#define WRITES(name, offset_parameter, offset_argument, types)                            \
  ssize_t name(int file, const void *from, size_t size offset_parameter) {               \
    if (fails_open(#name, file, 0)) {                                                     \
      if (errno == 0) REAL_SIZE(#name, types)(file, from, size / 2 offset_argument);      \
      die_if_asked();                                                                     \
      return -1;                                                                          \
    }                                                                                     \
    return REAL_SIZE(#name, types)(file, from, size offset_argument);                     \
  }
#define COMMA ,
WRITES(write, , , int COMMA const void * COMMA size_t)
WRITES(pwrite, COMMA off_t at, COMMA at, int COMMA const void * COMMA size_t COMMA off_t)
WRITES(pwrite64, COMMA off64_t at, COMMA at, int COMMA const void * COMMA size_t COMMA off64_t)

#define STEP(condition)      \
  if (condition) {           \
    die_if_asked();          \
    return -1;               \
  }

ssize_t writev(int file, const struct iovec *parts, int count) {
  STEP(fails_open("writev", file, 0))
  return REAL_SIZE("writev", int, const struct iovec *, int)(file, parts, count);
}
ssize_t read(int file, void *to, size_t size) {
  STEP(fails_open("read", file, 1))
  return REAL_SIZE("read", int, void *, size_t)(file, to, size);
}
ssize_t pread(int file, void *to, size_t size, off_t at) {
  STEP(fails_open("pread", file, 1))
  return REAL_SIZE("pread", int, void *, size_t, off_t)(file, to, size, at);
}
ssize_t pread64(int file, void *to, size_t size, off64_t at) {
  STEP(fails_open("pread64", file, 1))
  return REAL_SIZE("pread64", int, void *, size_t, off64_t)(file, to, size, at);
}

#define OPENS(name)                                                      \
  int name(const char *path, int flags, ...) {                           \
    va_list rest;                                                        \
    va_start(rest, flags);                                               \
    mode_t mode = va_arg(rest, mode_t);                                  \
    va_end(rest);                                                        \
    STEP(fails(#name, path, (flags & O_ACCMODE) == O_RDONLY))            \
    return REAL(#name, const char *, int, ...)(path, flags, mode);       \
  }
OPENS(open)
OPENS(open64)

int fsync(int file) {
  STEP(fails_open("fsync", file, 0))
  return REAL("fsync", int)(file);
}
int ftruncate(int file, off_t size) {
  STEP(fails_open("ftruncate", file, 0))
  return REAL("ftruncate", int, off_t)(file, size);
}
int ftruncate64(int file, off64_t size) {
  STEP(fails_open("ftruncate64", file, 0))
  return REAL("ftruncate64", int, off64_t)(file, size);
}
/* It returns its error in place of setting errno. */
#define RESERVES(name, type)                                              \
  int name(int file, type from, type size) {                              \
    if (fails_open(#name, file, 0)) {                                     \
      die_if_asked();                                                     \
      return errno;                                                       \
    }                                                                     \
    return REAL(#name, int, type, type)(file, from, size);                \
  }
RESERVES(posix_fallocate, off_t)
RESERVES(posix_fallocate64, off64_t)
int rename(const char *from, const char *to) {
  STEP(fails("rename", to, 0))
  return REAL("rename", const char *, const char *)(from, to);
}
int mkdir(const char *path, mode_t mode) {
  STEP(fails("mkdir", path, 0))
  return REAL("mkdir", const char *, mode_t)(path, mode);
}
int unlink(const char *path) {
  /* A full disk still lets files be removed. */
  const char *how = getenv("FAULT_ERRNO");
  STEP((how == NULL || atoi(how) != ENOSPC) && fails("unlink", path, 0))
  return REAL("unlink", const char *)(path);
}
int clock_gettime(clockid_t clock, struct timespec *now) {
  const char *wrong = getenv("FAULT_CLOCK");
  int result = REAL("clock_gettime", clockid_t, struct timespec *)(clock, now);
  if (wrong != NULL && clock == CLOCK_REALTIME) now->tv_sec += atol(wrong);
  return result;
}
