/* fd.h - files: whole reads with a cap, and writes that appear whole or not at all. */
#ifndef IR_BASE_FD_H
#define IR_BASE_FD_H

#include "base/buf.h"
#include <sys/types.h>

/* Reads all of path into out (its cap applies: ELIMIT). ENOTFOUND when it is not there. */
int ir_must_use ir_file_read(const char *path, ir_buf *out, imgrel_error *err);
/* The same of a regular file alone: what is none is not waited for nor read (EPROTO). */
int ir_must_use ir_file_read_regular(const char *path, ir_buf *out, imgrel_error *err);
int ir_must_use ir_fd_read_all(int fd, const char *name, ir_buf *out, imgrel_error *err);
int ir_must_use ir_fd_write(int fd, const char *name, const void *p, size_t len, imgrel_error *err);

/* A file that is being written: a temporary in the same folder (O_EXCL, O_CLOEXEC, mode from
 * birth), renamed by commit after fsync of file and folder, removed by abort. */
typedef struct ir_newfile { int fd; char *path, *temp; } ir_newfile;
#define IR_NEWFILE { .fd = -1 }
int ir_must_use ir_newfile_open(ir_newfile *f, const char *path, mode_t mode, imgrel_error *err);
int ir_must_use ir_newfile_commit(ir_newfile *f, imgrel_error *err);
/* Commits but for the folder, whose ir_folder_sync() one can do for many files; not synced itself
 * either, when it need not outlive the system. */
int ir_must_use ir_newfile_rename(ir_newfile *f, bool sync, imgrel_error *err);
int ir_must_use ir_folder_sync(const char *dir, imgrel_error *err); /* none there: fine */
void ir_newfile_abort(ir_newfile *f); /* nothing after commit */
int ir_must_use ir_file_write(const char *path, mode_t mode, const void *p, size_t len,
                              imgrel_error *err);
/* Creates path and its parents. */
int ir_must_use ir_mkdirs(const char *path, mode_t mode, imgrel_error *err);
/* Removes a tree without following links out of it. */
int ir_must_use ir_rmtree(const char *path, imgrel_error *err);
int ir_must_use ir_rmtree_at(int dir, const char *name, imgrel_error *err); /* in an open folder */
/* dir + "/" + name, malloc'ed; name alone if it is absolute or dir is NULL. */
char *ir_path_join(const char *dir, const char *name);
/* Takes a lock file (flock), waiting in short steps until cancel or deadline; the descriptor, or
 * a negative code. Close it to unlock. */
struct imgrel_cancel;
int ir_must_use ir_lock(const char *path, const struct imgrel_cancel *cancel, int64_t deadline_ms,
                        imgrel_error *err);

#endif
