/*
 * The recorder of `power_loss.py`: a library to be preloaded into a process, which writes down, in order and with all bytes,
 * what that process asks of the file system below one folder.
 *
 * POWER_LOSS_ROOT is the folder and POWER_LOSS_LOG the file that records are added to. Each operation and its record are
 * one step: processes that write to the same log take turns. The memory that SQLite shares between processes (`-shm`) is
 * left out: it is made anew from the log that lies beside it whenever nobody has the database open.
 */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define HANDLES 4096

struct record {
    uint64_t kind;
    uint64_t handle;
    int64_t number;
    uint64_t first;
    uint64_t second;
};

static const char *root, *log_path;
static size_t root_length;
static int log_handle = -1;
static uint64_t opened_so_far;
static uint64_t handles[HANDLES]; /* of files and folders that are open: what the log calls them; 0 for those elsewhere */
static long left = 0;             /* operations until the one that is to go wrong; 0 if none is */
static int how;                   /* it goes wrong: an errno, or 0 for the end of the process */
static int has_gone_wrong;
static pthread_mutex_t one_thread = PTHREAD_MUTEX_INITIALIZER;

#define REAL(result, name, ...)                                                                                                \
    static result (*real_##name)(__VA_ARGS__);                                                                                 \
    if (!real_##name)                                                                                                          \
    *(void **)&real_##name = dlsym(RTLD_NEXT, #name)

static void begin(void) {
    REAL(int, open, const char *, int, ...);
    pthread_mutex_lock(&one_thread);
    if (!root) {
        const char *found = getenv("POWER_LOSS_ROOT");
        log_path = getenv("POWER_LOSS_LOG");
        root = found && log_path ? found : "";
        root_length = strlen(root);
        if (root_length && (log_handle = real_open(log_path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600)) < 0)
            abort();
    }
    if (log_handle >= 0)
        flock(log_handle, LOCK_EX);
}

static void end(void) {
    int kept = errno;
    if (log_handle >= 0)
        flock(log_handle, LOCK_UN);
    pthread_mutex_unlock(&one_thread);
    errno = kept;
}

static int is_ours(const char *path) {
    size_t length = path ? strlen(path) : 0;
    if (!root_length || length < root_length || strncmp(path, root, root_length) || (path[root_length] && path[root_length] != '/'))
        return 0;
    return length < 4 || strcmp(path + length - 4, "-shm");
}

static uint64_t handle_of(int fd) { return fd >= 0 && fd < HANDLES ? handles[fd] : 0; }

static void put(char kind, uint64_t handle, int64_t number, const void *first, size_t size, const void *second, size_t more) {
    REAL(ssize_t, writev, int, const struct iovec *, int);
    int kept = errno;
    struct record head = {(uint64_t)kind, handle, number, size, more};
    struct iovec parts[3] = {{&head, sizeof head}, {(void *)first, size}, {(void *)second, more}};
    if (real_writev(log_handle, parts, 3) != (ssize_t)(sizeof head + size + more))
        abort();
    errno = kept;
}

/* Whether the operation that now begins is the one to go wrong. */
static int goes_wrong(void) {
    if (!left || --left)
        return 0;
    has_gone_wrong = 1;
    if (!how)
        _exit(77);
    errno = how;
    return 1;
}

static int opened(int fd, const char *path, int was_there, int flags) {
    struct stat found;
    if (fd < 0)
        return fd;
    if (fd >= HANDLES || fstat(fd, &found))
        abort();
    handles[fd] = (uint64_t)getpid() << 32 | ++opened_so_far;
    put('O', handles[fd], (was_there ? 0 : 1) | (flags & O_TRUNC ? 2 : 0), path, strlen(path), NULL, 0);
    return fd;
}

static int is_there(const char *path) {
    struct stat found;
    int kept = errno, answer = lstat(path, &found) == 0;
    errno = kept;
    return answer;
}

static ssize_t wrote(int fd, int64_t at, const void *content, ssize_t done) {
    if (done > 0)
        put('W', handle_of(fd), at, content, (size_t)done, NULL, 0);
    return done;
}

static int64_t place(int fd) {
    struct stat found;
    if (fcntl(fd, F_GETFL) & O_APPEND)
        return fstat(fd, &found) ? 0 : found.st_size;
    return lseek(fd, 0, SEEK_CUR);
}

/* --- what a test calls --- */

void power_loss_mark(const char *text) {
    begin();
    if (log_handle >= 0)
        put('M', 0, 0, text, strlen(text), NULL, 0);
    end();
}

void power_loss_arm(long operations, int error) {
    left = operations;
    how = error;
    has_gone_wrong = 0;
}

int power_loss_struck(void) { return has_gone_wrong; }

/* --- what a process calls --- */

#define OPEN(name)                                                                                                             \
    int name(const char *path, int flags, ...) {                                                                               \
        REAL(int, name, const char *, int, ...);                                                                               \
        va_list more;                                                                                                          \
        va_start(more, flags);                                                                                                 \
        mode_t mode = flags & (O_CREAT | __O_TMPFILE) ? va_arg(more, mode_t) : 0;                                              \
        va_end(more);                                                                                                          \
        begin();                                                                                                               \
        int fd;                                                                                                                \
        if (!is_ours(path))                                                                                                    \
            fd = real_##name(path, flags, mode);                                                                               \
        else {                                                                                                                 \
            int was_there = is_there(path);                                                                                    \
            int counts = !was_there || flags & O_TRUNC;                                                                        \
            fd = counts && goes_wrong() ? -1 : opened(real_##name(path, flags, mode), path, was_there, flags);                 \
        }                                                                                                                      \
        end();                                                                                                                 \
        return fd;                                                                                                             \
    }

#define OPEN_AT(name)                                                                                                          \
    int name(int folder, const char *path, int flags, ...) {                                                                   \
        REAL(int, name, int, const char *, int, ...);                                                                          \
        va_list more;                                                                                                          \
        va_start(more, flags);                                                                                                 \
        mode_t mode = flags & (O_CREAT | __O_TMPFILE) ? va_arg(more, mode_t) : 0;                                              \
        va_end(more);                                                                                                          \
        begin();                                                                                                               \
        int fd;                                                                                                                \
        if (!is_ours(path))                                                                                                    \
            fd = real_##name(folder, path, flags, mode);                                                                       \
        else {                                                                                                                 \
            int was_there = is_there(path);                                                                                    \
            int counts = !was_there || flags & O_TRUNC;                                                                        \
            fd = counts && goes_wrong() ? -1 : opened(real_##name(folder, path, flags, mode), path, was_there, flags);         \
        }                                                                                                                      \
        end();                                                                                                                 \
        return fd;                                                                                                             \
    }

OPEN(open)
OPEN(open64)
OPEN_AT(openat)
OPEN_AT(openat64)

int close(int fd) {
    REAL(int, close, int);
    if (fd >= 0 && fd < HANDLES)
        handles[fd] = 0;
    return real_close(fd);
}

ssize_t write(int fd, const void *content, size_t size) {
    REAL(ssize_t, write, int, const void *, size_t);
    if (!handle_of(fd))
        return real_write(fd, content, size);
    begin();
    int64_t at = place(fd);
    ssize_t done = goes_wrong() ? -1 : wrote(fd, at, content, real_write(fd, content, size));
    end();
    return done;
}

#define WRITE_AT(name, offset_type)                                                                                            \
    ssize_t name(int fd, const void *content, size_t size, offset_type at) {                                                   \
        REAL(ssize_t, name, int, const void *, size_t, offset_type);                                                           \
        if (!handle_of(fd))                                                                                                    \
            return real_##name(fd, content, size, at);                                                                         \
        begin();                                                                                                               \
        ssize_t done = goes_wrong() ? -1 : wrote(fd, at, content, real_##name(fd, content, size, at));                         \
        end();                                                                                                                 \
        return done;                                                                                                           \
    }

WRITE_AT(pwrite, off_t)
WRITE_AT(pwrite64, off64_t)

#define GATHERED(parts, count, at, call)                                                                                       \
    begin();                                                                                                                   \
    int64_t from = at;                                                                                                         \
    ssize_t done = goes_wrong() ? -1 : call, rest = done;                                                                      \
    for (int part = 0; part < count && rest > 0; part++) {                                                                     \
        ssize_t size = rest < (ssize_t)parts[part].iov_len ? rest : (ssize_t)parts[part].iov_len;                              \
        wrote(fd, from, parts[part].iov_base, size);                                                                           \
        from += size;                                                                                                          \
        rest -= size;                                                                                                          \
    }                                                                                                                          \
    end();                                                                                                                     \
    return done

ssize_t writev(int fd, const struct iovec *parts, int count) {
    REAL(ssize_t, writev, int, const struct iovec *, int);
    if (!handle_of(fd))
        return real_writev(fd, parts, count);
    GATHERED(parts, count, place(fd), real_writev(fd, parts, count));
}

#define WRITEV_AT(name, offset_type)                                                                                           \
    ssize_t name(int fd, const struct iovec *parts, int count, offset_type at) {                                               \
        REAL(ssize_t, name, int, const struct iovec *, int, offset_type);                                                      \
        if (!handle_of(fd))                                                                                                    \
            return real_##name(fd, parts, count, at);                                                                          \
        GATHERED(parts, count, at, real_##name(fd, parts, count, at));                                                         \
    }

WRITEV_AT(pwritev, off_t)
WRITEV_AT(pwritev64, off64_t)

#define TRUNCATE(name, offset_type)                                                                                            \
    int name(int fd, offset_type size) {                                                                                       \
        REAL(int, name, int, offset_type);                                                                                     \
        if (!handle_of(fd))                                                                                                    \
            return real_##name(fd, size);                                                                                      \
        begin();                                                                                                               \
        int result = goes_wrong() ? -1 : real_##name(fd, size);                                                                \
        if (!result)                                                                                                           \
            put('T', handle_of(fd), size, NULL, 0, NULL, 0);                                                                   \
        end();                                                                                                                 \
        return result;                                                                                                         \
    }

TRUNCATE(ftruncate, off_t)
TRUNCATE(ftruncate64, off64_t)

#define FLUSH(name)                                                                                                            \
    int name(int fd) {                                                                                                         \
        REAL(int, name, int);                                                                                                  \
        if (!handle_of(fd))                                                                                                    \
            return real_##name(fd);                                                                                            \
        begin();                                                                                                               \
        int result = goes_wrong() ? -1 : 0; /* the disk itself is spared: only the record counts */                            \
        if (!result)                                                                                                           \
            put('F', handle_of(fd), 0, NULL, 0, NULL, 0);                                                                      \
        end();                                                                                                                 \
        return result;                                                                                                         \
    }

FLUSH(fsync)
FLUSH(fdatasync)

#define ONE_PATH(name, kind, parameters, arguments, ...)                                                                       \
    int name parameters {                                                                                                      \
        REAL(int, name, __VA_ARGS__);                                                                                          \
        begin();                                                                                                               \
        int ours = is_ours(path);                                                                                              \
        int result = ours && is_there(path) == (kind != 'D') && goes_wrong() ? -1 : real_##name arguments;                     \
        if (ours && !result)                                                                                                   \
            put(kind, 0, 0, path, strlen(path), NULL, 0);                                                                      \
        end();                                                                                                                 \
        return result;                                                                                                         \
    }

ONE_PATH(mkdir, 'D', (const char *path, mode_t mode), (path, mode), const char *, mode_t)
ONE_PATH(unlink, 'U', (const char *path), (path), const char *)
ONE_PATH(rmdir, 'U', (const char *path), (path), const char *)

#define TWO_PATHS(name, kind, parameters, arguments, ...)                                                                      \
    int name parameters {                                                                                                      \
        REAL(int, name, __VA_ARGS__);                                                                                          \
        begin();                                                                                                               \
        int ours = is_ours(from) && is_ours(to);                                                                               \
        int result = ours && goes_wrong() ? -1 : real_##name arguments;                                                        \
        if (ours && !result)                                                                                                   \
            put(kind, 0, 0, from, strlen(from), to, strlen(to));                                                               \
        end();                                                                                                                 \
        return result;                                                                                                         \
    }

TWO_PATHS(rename, 'R', (const char *from, const char *to), (from, to), const char *, const char *)
TWO_PATHS(renameat, 'R', (int a, const char *from, int b, const char *to), (a, from, b, to), int, const char *, int, const char *)
TWO_PATHS(link, 'L', (const char *from, const char *to), (from, to), const char *, const char *)
