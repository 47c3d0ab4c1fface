/* archive.h - tar through libarchive, the only users of it with layer.c: reading entries of any
 * compression, and writing plain tar byte for byte the same in any locale. */
#ifndef IR_OCI_ARCHIVE_H
#define IR_OCI_ARCHIVE_H

#include "base/buf.h"
#include "net/call.h"

/* One entry to be written. */
typedef struct ir_tar_entry {
    const char *path;   /* without a leading slash; directories without a trailing one */
    char type;          /* 'f' file, 'd' directory, 'l' symbolic link, 'h' hard link */
    const char *target; /* of a link */
    int64_t size, mtime_s, uid, gid;
    int mode;
} ir_tar_entry;
typedef int ir_tar_out_fn(void *user, const void *p, size_t len, imgrel_error *err);
typedef struct ir_tar ir_tar;
int ir_must_use ir_tar_new(ir_tar_out_fn *out, void *user, ir_tar **ret, imgrel_error *err);
int ir_must_use ir_tar_entry_add(ir_tar *t, const ir_tar_entry *e, imgrel_error *err);
int ir_must_use ir_tar_data(ir_tar *t, const void *p, size_t len, imgrel_error *err);
int ir_must_use ir_tar_end(ir_tar *t, imgrel_error *err); /* the trailer */
void ir_tar_free(ir_tar *t);

/* Reading, pulled from a source. */
typedef int64_t ir_tar_in_fn(void *user, void *buf, size_t len, imgrel_error *err);
typedef struct ir_untar ir_untar;
int ir_must_use ir_untar_new(ir_tar_in_fn *in, void *user, ir_untar **ret, imgrel_error *err);
/* 1 with an entry (borrowed until the next call), 0 at the end, or a code. */
int ir_must_use ir_untar_next(ir_untar *t, ir_tar_entry *ret, imgrel_error *err);
int64_t ir_must_use ir_untar_read(ir_untar *t, void *buf, size_t len, imgrel_error *err);
void ir_untar_free(ir_untar *t);
/* Writes the head of the entry that was read last, with all that it has (owner, times, extended
 * attributes, devices), under another path. link not NULL: as a hard link to that path. No time is
 * after newest_s (-1: as they are). Data follows for a file that is not such a link. */
int ir_must_use ir_tar_entry_pass(ir_tar *t, const ir_untar *from, const char *path,
                                  const char *link, int64_t newest_s, imgrel_error *err);

/* Extracts a layer's tar over root as an image layer: whiteouts applied, nothing outside root
 * (openat2-like care), owners kept when we are root, devices skipped. */
int ir_must_use ir_layer_extract(const ir_call *call, ir_tar_in_fn *in, void *user,
                                 const char *root, imgrel_error *err);

#endif
