/* Stands between the program and the system, for the tests of faults (LD_PRELOAD).
 *
 * It writes down, in one order, what happens to the files of one folder and what leaves by sockets
 * (SHIM_LOG), and lets calls fail while a control file says so (SHIM_CONTROL).
 * A write is noted before it happens and a sync after it has: what is noted as synced, is.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

/* What the test sets, in this order, each a 32-bit number. */
struct control {
    _Atomic uint32_t write_error;  /* errno of writes and truncations */
    _Atomic uint32_t sync_error;   /* errno of syncs */
    _Atomic uint32_t thread_error; /* what pthread_create returns */
    _Atomic uint32_t scope;        /* 1: the database, 2: its write-ahead log, 4: everything else */
    _Atomic uint32_t hits;         /* calls that have failed; for the test to read */
    _Atomic uint32_t kill_after;   /* the process is killed at so many-th write, sync or answer */
    _Atomic uint32_t loaded;       /* set when the shim is there */
    _Atomic int32_t clock_offset;  /* seconds that the clock is wrong */
    _Atomic uint32_t read_error;   /* errno of reads */
    _Atomic int32_t uptime_offset; /* seconds that the clock which only counts is ahead */
};

struct record {
    uint8_t kind; /* O open, W write, T truncate, S sync, D sync of a folder, U unlink, M a folder
                     made, V renamed (two names with a line end between), N sent,
                     R how much of what was sent last to a port really was */
    uint8_t pad[3];
    int32_t error;  /* of a sync */
    uint64_t file;  /* inode, or the port of the peer */
    uint64_t offset; /* of a write, or the new size */
    uint64_t length; /* of what follows */
};

enum { FILES = 4096, FOLDER = 1, OTHER = 4 };

static struct control none, *control = &none;
static int journal = -1;
static char folder[4096];
static size_t folder_length;
/* What a descriptor is: 0 nothing of ours, else scope << 1, or FOLDER. */
static _Atomic uint8_t kinds[FILES];
static _Atomic uint64_t inodes[FILES];

static void start(void) {
    static _Atomic int started;
    if (atomic_exchange(&started, 1)) return;
    const char *path = getenv("SHIM_CONTROL");
    int file = path ? syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC) : -1;
    if (file >= 0) {
        void *at = mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
        if (at != MAP_FAILED) control = at;
        syscall(SYS_close, file);
    }
    path = getenv("SHIM_FOLDER");
    if (path && strlen(path) < sizeof folder) strcpy(folder, path);
    folder_length = strlen(folder);
    path = getenv("SHIM_LOG");
    if (path) journal = syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    atomic_store(&control->loaded, 1);
}

__attribute__((constructor)) static void loaded(void) { start(); }

static void note(uint8_t kind, int error, uint64_t file, uint64_t offset, const struct iovec *data, int count) {
    if (journal < 0) return;
    struct record record = {.kind = kind, .error = error, .file = file, .offset = offset};
    struct iovec parts[66] = {{&record, sizeof record}};
    int used = 1;
    for (int i = 0; i < count && used < 66; i++) {
        parts[used++] = data[i];
        record.length += data[i].iov_len;
    }
    /* One call, so that records of several threads do not mix. */
    syscall(SYS_writev, journal, parts, used);
}

static void count_down(void) {
    uint32_t left = atomic_load(&control->kill_after);
    while (left && !atomic_compare_exchange_weak(&control->kill_after, &left, left - 1)) {}
    if (left == 1) syscall(SYS_kill, syscall(SYS_getpid), SIGKILL);
}

static int kind_of(int fd) { return fd >= 0 && fd < FILES ? atomic_load(&kinds[fd]) : 0; }

static int fails(int kind, uint32_t error) {
    if (!error || !((uint32_t)(kind >> 1) & atomic_load(&control->scope))) return 0;
    atomic_fetch_add(&control->hits, 1);
    errno = error;
    return 1;
}

/* The path of what is open; 0: it has none. */
static int path_of(int fd, char *whole, size_t size) {
    char link[64], *at = link + 14;
    strcpy(link, "/proc/self/fd/");
    int digits[8], n = 0, rest = fd;
    do digits[n++] = rest % 10; while (rest /= 10);
    while (n) *at++ = '0' + digits[--n];
    *at = 0;
    ssize_t length = syscall(SYS_readlinkat, AT_FDCWD, link, whole, size - 1);
    if (length < 0) return 0;
    whole[length] = 0;
    return 1;
}

/* The name of what lies in the folder, as seen from it; NULL: it lies elsewhere. */
static const char *within(const char *path) {
    if (!folder_length || strncmp(path, folder, folder_length) || path[folder_length] != '/') return NULL;
    return path + folder_length + 1;
}

static void opened(int fd, const char *path, int created) {
    char whole[4096];
    struct stat status;
    if (fd < 0 || fd >= FILES || !folder_length) return;
    atomic_store(&kinds[fd], 0);
    if (path[0] != '/') {
        if (!path_of(fd, whole, sizeof whole)) return;
        path = whole;
    }
    if (strncmp(path, folder, folder_length)) return;
    const char *name = path + folder_length;
    if (!*name || !strcmp(name, "/")) {
        atomic_store(&kinds[fd], FOLDER);
        return;
    }
    if (*name++ != '/' || syscall(SYS_newfstatat, fd, "", &status, AT_EMPTY_PATH)) return;
    if (S_ISDIR(status.st_mode)) {
        atomic_store(&kinds[fd], FOLDER);
        return;
    }
    size_t length = strlen(name);
    /* Shared memory is no part of what a power cut leaves. */
    if (length > 4 && !strcmp(name + length - 4, "-shm")) return;
    int scope = length > 4 && !strcmp(name + length - 4, "-wal") ? 2
              : length > 3 && !strcmp(name + length - 3, ".db") ? 1 : OTHER;
    atomic_store(&inodes[fd], status.st_ino);
    atomic_store(&kinds[fd], scope << 1);
    struct iovec data = {(void *)name, length};
    note('O', 0, status.st_ino, created, &data, 1);
}

static int open_file(int at, const char *path, int flags, mode_t mode) {
    start();
    struct stat status;
    int created = (flags & O_CREAT) && syscall(SYS_newfstatat, at, path, &status, 0);
    int fd = syscall(SYS_openat, at, path, flags, mode);
    if (fd >= 0) opened(fd, path, created);
    return fd;
}

#define OPEN(name) \
    int name(const char *path, int flags, ...) { \
        mode_t mode = 0; \
        if (flags & O_CREAT) { va_list rest; va_start(rest, flags); mode = va_arg(rest, mode_t); va_end(rest); } \
        return open_file(AT_FDCWD, path, flags, mode); }
OPEN(open)
OPEN(open64)
#define OPENAT(name) \
    int name(int at, const char *path, int flags, ...) { \
        mode_t mode = 0; \
        if (flags & O_CREAT) { va_list rest; va_start(rest, flags); mode = va_arg(rest, mode_t); va_end(rest); } \
        return open_file(at, path, flags, mode); }
OPENAT(openat)
OPENAT(openat64)

int close(int fd) {
    if (fd >= 0 && fd < FILES) atomic_store(&kinds[fd], 0);
    return syscall(SYS_close, fd);
}

int unlink(const char *path) {
    const char *name = within(path);
    if (name) {
        struct iovec data = {(void *)name, strlen(name)};
        note('U', 0, 0, 0, &data, 1);
    }
    return syscall(SYS_unlinkat, AT_FDCWD, path, 0);
}

/* Noted only when it has happened: most are made already. */
int mkdir(const char *path, mode_t mode) {
    int result = syscall(SYS_mkdirat, AT_FDCWD, path, mode);
    const char *name = within(path);
    if (!result && name) {
        struct iovec data = {(void *)name, strlen(name)};
        note('M', 0, 0, 0, &data, 1);
    }
    return result;
}

int rename(const char *from, const char *to) {
    const char *old = within(from), *new = within(to);
    if (old && new) count_down();
    int result = syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
    if (!result && old && new) {
        struct iovec data[] = {{(void *)old, strlen(old)}, {"\n", 1}, {(void *)new, strlen(new)}};
        note('V', 0, 0, 0, data, 3);
    }
    return result;
}

static ssize_t pread_any(int fd, void *data, size_t length, off_t offset) {
    int kind = kind_of(fd);
    if (kind > FOLDER && fails(kind, atomic_load(&control->read_error))) return -1;
    return syscall(SYS_pread64, fd, data, length, offset);
}
ssize_t read(int fd, void *data, size_t length) {
    int kind = kind_of(fd);
    if (kind > FOLDER && fails(kind, atomic_load(&control->read_error))) return -1;
    return syscall(SYS_read, fd, data, length);
}
ssize_t pread(int fd, void *data, size_t length, off_t offset) { return pread_any(fd, data, length, offset); }
ssize_t pread64(int fd, void *data, size_t length, off64_t offset) { return pread_any(fd, data, length, offset); }

static ssize_t write_file(int fd, int kind, const void *data, size_t length, off_t offset) {
    if (fails(kind, atomic_load(&control->write_error))) return -1;
    count_down();
    struct iovec part = {(void *)data, length};
    note('W', 0, atomic_load(&inodes[fd]), offset, &part, 1);
    return syscall(SYS_pwrite64, fd, data, length, offset);
}

static ssize_t pwrite_any(int fd, const void *data, size_t length, off_t offset) {
    int kind = kind_of(fd);
    if (kind > FOLDER) return write_file(fd, kind, data, length, offset);
    return syscall(SYS_pwrite64, fd, data, length, offset);
}
ssize_t pwrite(int fd, const void *data, size_t length, off_t offset) { return pwrite_any(fd, data, length, offset); }
ssize_t pwrite64(int fd, const void *data, size_t length, off64_t offset) { return pwrite_any(fd, data, length, offset); }

static int truncate_any(int fd, off_t size) {
    int kind = kind_of(fd);
    if (kind > FOLDER) {
        if (fails(kind, atomic_load(&control->write_error))) return -1;
        count_down();
        note('T', 0, atomic_load(&inodes[fd]), size, NULL, 0);
    }
    return syscall(SYS_ftruncate, fd, size);
}
int ftruncate(int fd, off_t size) { return truncate_any(fd, size); }
int ftruncate64(int fd, off64_t size) { return truncate_any(fd, size); }

static int sync_any(int fd, int call) {
    int kind = kind_of(fd);
    if (!kind) return syscall(call, fd);
    int failed = fails(kind, atomic_load(&control->sync_error));
    int error = failed ? errno : 0;
    count_down();
    int result = failed ? -1 : syscall(call, fd);
    char path[4096];
    const char *name = kind == FOLDER && path_of(fd, path, sizeof path) ? within(path) : NULL;
    struct iovec data = {(void *)name, name ? strlen(name) : 0};
    note(kind == FOLDER ? 'D' : 'S', error, atomic_load(&inodes[fd]), 0, &data, name ? 1 : 0);
    if (failed) errno = error;
    return result;
}
int fsync(int fd) { return sync_any(fd, SYS_fsync); }
int fdatasync(int fd) { return sync_any(fd, SYS_fdatasync); }

/* Returns the port of the peer, when what is about to be sent was noted. */
static int sending(int fd, const struct iovec *data, int count) {
    struct sockaddr_in peer;
    socklen_t length = sizeof peer;
    if (journal < 0 && !atomic_load(&control->kill_after)) return 0;
    if (getpeername(fd, (struct sockaddr *)&peer, &length) || peer.sin_family != AF_INET) return 0;
    count_down();
    note('N', 0, ntohs(peer.sin_port), 0, data, count);
    return ntohs(peer.sin_port);
}

static ssize_t sent(int port, ssize_t result) {
    int error = errno;
    if (port) note('R', 0, port, result < 0 ? 0 : result, NULL, 0);
    errno = error;
    return result;
}

ssize_t write(int fd, const void *data, size_t length) {
    int kind = kind_of(fd);
    if (kind > FOLDER) {
        off_t offset = syscall(SYS_lseek, fd, 0, SEEK_CUR);
        ssize_t written = write_file(fd, kind, data, length, offset);
        if (written > 0) syscall(SYS_lseek, fd, offset + written, SEEK_SET);
        return written;
    }
    return syscall(SYS_write, fd, data, length);
}

ssize_t writev(int fd, const struct iovec *data, int count) {
    int port = kind_of(fd) ? 0 : sending(fd, data, count);
    return sent(port, syscall(SYS_writev, fd, data, count));
}

ssize_t send(int fd, const void *data, size_t length, int flags) {
    struct iovec part = {(void *)data, length};
    int port = sending(fd, &part, 1);
    return sent(port, syscall(SYS_sendto, fd, data, length, flags, NULL, 0));
}

/* The clock on the wall, and the one that only counts. */
int clock_gettime(clockid_t clock, struct timespec *time) {
    int result = syscall(SYS_clock_gettime, clock, time);
    if (!result && clock == CLOCK_REALTIME) time->tv_sec += atomic_load(&control->clock_offset);
    if (!result && clock == CLOCK_MONOTONIC) time->tv_sec += atomic_load(&control->uptime_offset);
    return result;
}

int gettimeofday(struct timeval *restrict time, void *restrict zone) {
    int result = syscall(SYS_gettimeofday, time, zone);
    if (!result) time->tv_sec += atomic_load(&control->clock_offset);
    return result;
}

time_t time(time_t *at) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (at) *at = now.tv_sec;
    return now.tv_sec;
}

int pthread_create(pthread_t *thread, const pthread_attr_t *how, void *(*work)(void *), void *with) {
    static int (*next)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
    if (!next) next = dlsym(RTLD_NEXT, "pthread_create");
    uint32_t error = atomic_load(&control->thread_error);
    if (error) {
        atomic_fetch_add(&control->hits, 1);
        return error;
    }
    return next(thread, how, work, with);
}
