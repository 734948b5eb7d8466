/* LD_PRELOAD: fails chosen calls on files below a folder, by a control file that the test shares.
   FAULT_CONTROL: the control file; FAULT_HOME: the folder; FAULT_ROLE: a word of the command line to act in. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

struct control {
    volatile long kind;  /* 0 none, 1 writes, syncs and renames, 2 opens */
    volatile long error; /* errno to fail with */
    volatile long nth;   /* the first call to fail, from 1 */
    volatile long span;  /* how many fail from there on */
    volatile long count; /* calls seen since armed */
    volatile long hits;  /* calls failed */
};

static struct control *control;
static char home[PATH_MAX];
static size_t home_length;

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("FAULT_CONTROL"), *below = getenv("FAULT_HOME"), *role = getenv("FAULT_ROLE");
    char line[4096];
    int file = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
    ssize_t size = file < 0 ? 0 : read(file, line, sizeof line - 1);
    if (file >= 0) close(file);
    if (!path || !below || !role || size <= 0) return;
    for (ssize_t at = 0; at < size; at++)
        if (!line[at]) line[at] = ' ';
    line[size] = 0;
    if (!strstr(line, role)) return;
    strncpy(home, below, sizeof home - 2);
    strcat(home, "/");
    home_length = strlen(home);
    file = open(path, O_RDWR | O_CLOEXEC);
    if (file < 0) return;
    void *shared = mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    close(file);
    if (shared != MAP_FAILED) control = shared;
}

static int fails(long kind) {
    if (!control || control->kind != kind) return 0;
    long number = __sync_add_and_fetch(&control->count, 1);
    if (number < control->nth || number >= control->nth + control->span) return 0;
    __sync_add_and_fetch(&control->hits, 1);
    errno = (int)control->error;
    return 1;
}

static int is_below(const char *path) { return path && !strncmp(path, home, home_length); }

static int fd_fails(int fd) {
    char link[64], path[PATH_MAX];
    if (!control || control->kind != 1) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t size = readlink(link, path, sizeof path - 1);
    if (size <= 0) return 0;
    path[size] = 0;
    /* Logs of our own processes are no data. */
    size_t length = (size_t)size;
    if (length > 10 && !strcmp(path + length - 10, "server.log")) return 0;
    if (length > 8 && !strcmp(path + length - 8, "node.log")) return 0;
    return is_below(path) && fails(1);
}

#define REAL(name) \
    static __typeof__(&name) real; \
    if (!real) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

ssize_t write(int fd, const void *data, size_t size) { REAL(write); return fd_fails(fd) ? -1 : real(fd, data, size); }
ssize_t pwrite(int fd, const void *data, size_t size, off_t at) { REAL(pwrite); return fd_fails(fd) ? -1 : real(fd, data, size, at); }
ssize_t pwrite64(int fd, const void *data, size_t size, off64_t at) { REAL(pwrite64); return fd_fails(fd) ? -1 : real(fd, data, size, at); }
int fsync(int fd) { REAL(fsync); return fd_fails(fd) ? -1 : real(fd); }
int fdatasync(int fd) { REAL(fdatasync); return fd_fails(fd) ? -1 : real(fd); }
int rename(const char *from, const char *to) { REAL(rename); return is_below(to) && fails(1) ? -1 : real(from, to); }

int open(const char *path, int flags, ...) {
    va_list more;
    va_start(more, flags);
    mode_t mode = (flags & (O_CREAT | O_TMPFILE)) ? va_arg(more, mode_t) : 0;
    va_end(more);
    REAL(open);
    return is_below(path) && fails(2) ? -1 : real(path, flags, mode);
}

int open64(const char *path, int flags, ...) {
    va_list more;
    va_start(more, flags);
    mode_t mode = (flags & (O_CREAT | O_TMPFILE)) ? va_arg(more, mode_t) : 0;
    va_end(more);
    REAL(open64);
    return is_below(path) && fails(2) ? -1 : real(path, flags, mode);
}
