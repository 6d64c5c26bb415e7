#ifndef CLINUX_H
#define CLINUX_H

#include <stdint.h>
#include <sys/types.h>

/// Reads without waiting for the disk (preadv2 with RWF_NOWAIT): the bytes that the page cache
/// holds at once, or -1 with errno EAGAIN (none) or EOPNOTSUPP (the file system cannot tell).
ssize_t linux_read_nowait(int descriptor, void *buffer, size_t count, int64_t offset);

/// 1 if the file lies on tmpfs, whose reads copy memory and never wait for a disk; else 0.
int linux_is_memory_file(int descriptor);

/// Gives a range back to the file system; it reads as zeros afterwards and the size stays
/// (fallocate with PUNCH_HOLE and KEEP_SIZE). 0, or -1 with errno.
int linux_punch_hole(int descriptor, int64_t offset, int64_t length);

/// Keeps large freed buffers in the heap instead of giving each back to the kernel: without this
/// every buffer of 128 KiB or more costs an mmap, a munmap and its page faults.
void linux_keep_large_buffers(void);

/// Gives the pages of all freed memory back to the kernel, in every arena (malloc_trim).
void linux_give_back_freed_memory(void);

#endif
