/* Loaded into the server by LD_PRELOAD: counts what reaches the disk, and makes a fast disk as slow
 * as an SD card. The numbers lie in a file that both processes map. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

struct counters {
    _Atomic uint64_t syncs;   /* fdatasync and fsync */
    _Atomic uint64_t frames;  /* pages written to the write-ahead log */
    _Atomic uint64_t commits; /* of them, the last of a transaction */
    _Atomic uint64_t pages;   /* pages written, to the log or to the database */
    _Atomic uint64_t bytes;   /* all that was written to a place in a file */
};

static struct counters nowhere;
static struct counters *counters = &nowhere;
static long delay_us;

__attribute__((constructor)) static void prepare(void) {
    const char *path = getenv("SHIM_COUNTERS");
    const char *delay = getenv("SHIM_DELAY_US");
    if (delay) delay_us = atol(delay);
    if (!path) return;
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0) return;
    void *map = mmap(NULL, sizeof *counters, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (map != MAP_FAILED) counters = map;
    close(fd);
}

static void slow(void) {
    atomic_fetch_add(&counters->syncs, 1);
    if (delay_us > 0) {
        struct timespec wait = {delay_us / 1000000, delay_us % 1000000 * 1000};
        nanosleep(&wait, NULL);
    }
}

int fdatasync(int fd) {
    static int (*next)(int);
    if (!next) next = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
    slow();
    return next(fd);
}

int fsync(int fd) {
    static int (*next)(int);
    if (!next) next = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
    slow();
    return next(fd);
}

/* A frame of the log is its header of 24 bytes and a page; in the header of a transaction's last
 * frame the second number, the size of the database, is not 0 (SQLite file format, section 4.2). */
static void count(const void *data, size_t size) {
    atomic_fetch_add(&counters->bytes, size);
    if (size == 24) {
        const unsigned char *head = data;
        atomic_fetch_add(&counters->frames, 1);
        if (head[4] | head[5] | head[6] | head[7]) atomic_fetch_add(&counters->commits, 1);
    } else if (size == 4096) {
        atomic_fetch_add(&counters->pages, 1);
    }
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t at) {
    static ssize_t (*next)(int, const void *, size_t, off_t);
    if (!next) next = (ssize_t (*)(int, const void *, size_t, off_t))dlsym(RTLD_NEXT, "pwrite");
    count(data, size);
    return next(fd, data, size, at);
}

ssize_t pwrite64(int fd, const void *data, size_t size, off64_t at) {
    static ssize_t (*next)(int, const void *, size_t, off64_t);
    if (!next) next = (ssize_t (*)(int, const void *, size_t, off64_t))dlsym(RTLD_NEXT, "pwrite64");
    count(data, size);
    return next(fd, data, size, at);
}
