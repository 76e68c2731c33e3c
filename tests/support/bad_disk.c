// A disk that fails as told, under one folder: built and preloaded by the tests, between the real program and the kernel.
//
// BHYT_BAD_DISK names a file of one line, read at every call: MODE NUMBER SEED FOLDER. BHYT_BAD_DISK.count beside it holds how many calls that write, flush,
// cut, rename or remove a file under FOLDER were made; a test sets it back by writing zeros. Modes:
//   well    nothing is wrong
//   cut     at call NUMBER the power fails: of what was written and not flushed since, SEED chooses what is on the disk: nothing, all of it, or whole and torn
//           writes in any mixture; then the process is killed
//   flush   flush NUMBER (counted among flushes) fails with EIO, and what it should have made certain is partly lost, as the kernel does it
//   flushes the same from flush NUMBER on
//   full    from call NUMBER on no write finds room
// Renames and removals are on the disk at once: what a file system may do to those is asked of a real one.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum mode { WELL, CUT, FLUSH, FLUSHES, FULL };
struct plan { enum mode mode; uint64_t number, seed; char folder[PATH_MAX]; };
struct counts { uint64_t calls, flushes; };

// One write, or one change of the length, that was not flushed yet.
struct change { struct change *next; off_t at, before, after; size_t length; char *old, *new; };
struct file { struct file *next; dev_t dev; ino_t ino; int fd; struct change *first, *last; };

static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;
static struct file *files;
static struct counts *counts;
static uint64_t state;

#define REAL(name, type) ((type)dlsym(RTLD_NEXT, name))
typedef ssize_t (*write_fn)(int, const void *, size_t);
typedef ssize_t (*pwrite_fn)(int, const void *, size_t, off_t);
typedef int (*length_fn)(int, off_t);
typedef int (*flush_fn)(int);
typedef int (*rename_fn)(const char *, const char *);
typedef int (*unlink_fn)(const char *);

static uint64_t random_number(void) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return state >> 33;
}

static int read_plan(struct plan *plan) {
    const char *path = getenv("BHYT_BAD_DISK");
    FILE *file = path ? fopen(path, "re") : NULL;
    char mode[16];
    if (!file) return 0;
    int read = fscanf(file, "%15s %lu %lu %4095s", mode, &plan->number, &plan->seed, plan->folder);
    fclose(file);
    if (read != 4) return 0;
    plan->mode = !strcmp(mode, "cut") ? CUT : !strcmp(mode, "flush") ? FLUSH : !strcmp(mode, "flushes") ? FLUSHES : !strcmp(mode, "full") ? FULL : WELL;
    if (!counts) {
        char name[PATH_MAX];
        snprintf(name, sizeof name, "%s.count", path);
        int fd = open(name, O_RDWR | O_CLOEXEC);
        if (fd < 0) return 0;
        void *mapped = mmap(NULL, sizeof *counts, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        close(fd);
        if (mapped == MAP_FAILED) return 0;
        counts = mapped;
    }
    return 1;
}

static int is_under(const struct plan *plan, const char *path) {
    size_t length = strlen(plan->folder), whole = strlen(path);
    // The index of the log is memory that processes share, and made anew after a power cut.
    return !strncmp(path, plan->folder, length) && !(whole > 4 && !strcmp(path + whole - 4, "-shm"));
}

static int is_ours(const struct plan *plan, int fd, char *path) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, PATH_MAX - 1);
    if (length <= 0) return 0;
    path[length] = 0;
    return is_under(plan, path);
}

static struct file *file_of(int fd, const char *path) {
    struct stat found;
    if (fstat(fd, &found)) return NULL;
    for (struct file *file = files; file; file = file->next)
        if (file->dev == found.st_dev && file->ino == found.st_ino) return file;
    struct file *file = calloc(1, sizeof *file);
    // Never closed: that would let go of the locks the process holds on the file.
    file->fd = open(path, O_RDWR | O_CLOEXEC);
    file->dev = found.st_dev, file->ino = found.st_ino;
    file->next = files;
    return files = file;
}

static off_t length_of(int fd) {
    struct stat found;
    return fstat(fd, &found) ? 0 : found.st_size;
}

static void forget(struct file *file) {
    for (struct change *change = file->first; change;) {
        struct change *next = change->next;
        free(change->old), free(change->new), free(change);
        change = next;
    }
    file->first = file->last = NULL;
}

static void note(struct file *file, off_t at, const void *bytes, size_t length, off_t before, off_t after) {
    struct change *change = calloc(1, sizeof *change);
    change->at = at, change->length = length, change->before = before, change->after = after;
    // What stood there: under the write, or behind the new end.
    off_t from = bytes ? at : after;
    size_t held = bytes ? (at < before ? (size_t)(before - at) < length ? (size_t)(before - at) : length : 0) : before > after ? (size_t)(before - after) : 0;
    change->old = malloc(held + 1);
    if (held && pread(file->fd, change->old, held, from) < 0) held = 0;
    if (!bytes) change->length = held;
    if (bytes) {
        change->new = malloc(length + 1);
        memcpy(change->new, bytes, length);
    }
    if (file->last) file->last->next = change; else file->first = change;
    file->last = change;
}

static void undo(struct file *file, struct change *change) {
    if (!change) return;
    undo(file, change->next);
    if (change->new) {
        size_t held = change->at < change->before ? (size_t)(change->before - change->at) : 0;
        if (held > change->length) held = change->length;
        if (held) REAL("pwrite64", pwrite_fn)(file->fd, change->old, held, change->at);
        REAL("ftruncate64", length_fn)(file->fd, change->before);
    } else {
        REAL("ftruncate64", length_fn)(file->fd, change->before);
        if (change->length) REAL("pwrite64", pwrite_fn)(file->fd, change->old, change->length, change->after);
    }
}

// What is on the disk of what was not flushed: by the seed nothing, all, or a mixture.
static void lose(struct file *file, uint64_t seed) {
    if (!file->first || seed % 4 == 1) return;
    undo(file, file->first);
    for (struct change *change = file->first; change && seed % 4 != 0; change = change->next) {
        uint64_t fate = random_number() % 3;
        if (fate == 0) continue;
        if (!change->new) {
            REAL("ftruncate64", length_fn)(file->fd, change->after);
            continue;
        }
        size_t kept = fate == 1 ? change->length : change->length / 512 * (random_number() % 8) / 8 * 512;
        if (kept) REAL("pwrite64", pwrite_fn)(file->fd, change->new, kept, change->at);
    }
}

static void count_and_cut(const struct plan *plan) {
    if (++counts->calls != plan->number || plan->mode != CUT) return;
    state = plan->seed;
    for (struct file *file = files; file; file = file->next) lose(file, plan->seed);
    kill(getpid(), SIGKILL);
    for (;;) pause();
}

static int has_no_room(const struct plan *plan) {
    return plan->mode == FULL && counts->calls >= plan->number;
}

static ssize_t written(int fd, const void *bytes, size_t length, off_t at, int moves) {
    struct plan plan;
    char path[PATH_MAX];
    pthread_mutex_lock(&turn);
    int ours = read_plan(&plan) && is_ours(&plan, fd, path);
    off_t place = moves ? lseek(fd, 0, SEEK_CUR) : at;
    if (ours && place < 0) ours = 0;
    if (ours) {
        count_and_cut(&plan);
        if (has_no_room(&plan)) {
            pthread_mutex_unlock(&turn);
            errno = ENOSPC;
            return -1;
        }
        struct file *file = file_of(fd, path);
        off_t before = length_of(fd), after = place + (off_t)length > before ? place + (off_t)length : before;
        if (file && file->fd >= 0) note(file, place, bytes, length, before, after);
    }
    ssize_t done = moves ? REAL("write", write_fn)(fd, bytes, length) : REAL("pwrite64", pwrite_fn)(fd, bytes, length, at);
    pthread_mutex_unlock(&turn);
    return done;
}

ssize_t write(int fd, const void *bytes, size_t length) { return written(fd, bytes, length, 0, 1); }
ssize_t pwrite(int fd, const void *bytes, size_t length, off_t at) { return written(fd, bytes, length, at, 0); }
ssize_t pwrite64(int fd, const void *bytes, size_t length, off_t at) { return written(fd, bytes, length, at, 0); }

static int set_length(int fd, off_t length) {
    struct plan plan;
    char path[PATH_MAX];
    pthread_mutex_lock(&turn);
    if (read_plan(&plan) && is_ours(&plan, fd, path)) {
        count_and_cut(&plan);
        off_t before = length_of(fd);
        if (length > before && has_no_room(&plan)) {
            pthread_mutex_unlock(&turn);
            errno = ENOSPC;
            return -1;
        }
        struct file *file = file_of(fd, path);
        if (file && file->fd >= 0) note(file, 0, NULL, 0, before, length);
    }
    int done = REAL("ftruncate64", length_fn)(fd, length);
    pthread_mutex_unlock(&turn);
    return done;
}

int ftruncate(int fd, off_t length) { return set_length(fd, length); }
int ftruncate64(int fd, off_t length) { return set_length(fd, length); }

static int flushed(int fd, const char *name) {
    struct plan plan;
    char path[PATH_MAX];
    pthread_mutex_lock(&turn);
    if (read_plan(&plan) && is_ours(&plan, fd, path)) {
        count_and_cut(&plan);
        struct stat found;
        struct file *file = !fstat(fd, &found) && S_ISREG(found.st_mode) ? file_of(fd, path) : NULL;
        uint64_t flush = ++counts->flushes;
        if ((plan.mode == FLUSH && flush == plan.number) || (plan.mode == FLUSHES && flush >= plan.number)) {
            state = plan.seed;
            if (file) lose(file, plan.seed), forget(file);
            pthread_mutex_unlock(&turn);
            errno = EIO;
            return -1;
        }
        if (file) forget(file);
        pthread_mutex_unlock(&turn);
        return 0;
    }
    pthread_mutex_unlock(&turn);
    return REAL(name, flush_fn)(fd);
}

int fsync(int fd) { return flushed(fd, "fsync"); }
int fdatasync(int fd) { return flushed(fd, "fdatasync"); }

int rename(const char *from, const char *to) {
    struct plan plan;
    pthread_mutex_lock(&turn);
    if (read_plan(&plan) && is_under(&plan, from)) count_and_cut(&plan);
    int done = REAL("rename", rename_fn)(from, to);
    pthread_mutex_unlock(&turn);
    return done;
}

int unlink(const char *path) {
    struct plan plan;
    pthread_mutex_lock(&turn);
    if (read_plan(&plan) && is_under(&plan, path)) count_and_cut(&plan);
    int done = REAL("unlink", unlink_fn)(path);
    pthread_mutex_unlock(&turn);
    return done;
}
