// Loaded into a program (LD_PRELOAD), fails its reads or writes of files below a directory with EIO, as a
// dying disk does, as long as a file says so.
//
// FAILING_DIRECTORY: the directory. FAILING_SWITCH: path of the switch; reads fail while
// "SWITCH.reads" exists, writes while "SWITCH.writes" does.

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

static int fails(int descriptor, const char *what) {
    const char *directory = getenv("FAILING_DIRECTORY"), *which = getenv("FAILING_SWITCH");
    char path[PATH_MAX], target[PATH_MAX];
    if (!directory || !which) return 0;
    snprintf(path, sizeof path, "%s.%s", which, what);
    if (access(path, F_OK) != 0) return 0;
    snprintf(path, sizeof path, "/proc/self/fd/%d", descriptor);
    ssize_t length = readlink(path, target, sizeof target - 1);
    if (length < 0) return 0;
    target[length] = 0;
    if (strncmp(target, directory, strlen(directory)) != 0) return 0;
    errno = EIO;
    return 1;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

ssize_t pread(int descriptor, void *buffer, size_t count, off_t offset) {
    if (fails(descriptor, "reads")) return -1;
    return REAL(pread)(descriptor, buffer, count, offset);
}

ssize_t preadv2(int descriptor, const struct iovec *vectors, int count, off_t offset, int flags) {
    if (fails(descriptor, "reads")) return -1;
    return REAL(preadv2)(descriptor, vectors, count, offset, flags);
}

ssize_t pwritev(int descriptor, const struct iovec *vectors, int count, off_t offset) {
    if (fails(descriptor, "writes")) return -1;
    return REAL(pwritev)(descriptor, vectors, count, offset);
}

int fallocate(int descriptor, int mode, off_t offset, off_t length) {
    if (fails(descriptor, "writes")) return -1;
    return REAL(fallocate)(descriptor, mode, offset, length);
}
