/* journal.h - what is left of an upload whose process ended too early: its address, kept in a file
 * under the key cache_dir until the upload ends, so that the next process asks how far it came. An
 * address may let whoever has it write to the upload: the files are the user's alone. */
#ifndef IR_OCI_JOURNAL_H
#define IR_OCI_JOURNAL_H

#include "net/call.h"
#include "oci/descriptor.h"

typedef struct ir_journal { int fd; char *path; } ir_journal;
#define IR_JOURNAL { .fd = -1 }

/* Locks the journal of a blob on its way to a repository ("https://host/v2/name"). It is nobody's
 * failure when there can be none: no cache_dir, a small blob, another process at it, a full disk;
 * the functions below then do nothing. ret_location: the upload that was begun, malloc'ed, or NULL;
 * nothing is believed of a file that is not as it was written. */
void ir_journal_open(ir_journal *j, const ir_call *call, const char *repository_url,
                     const ir_desc *d, char **ret_location);
/* The upload is at that address from now on. */
void ir_journal_write(ir_journal *j, const char *repository_url, const ir_desc *d,
                      const char *location);
/* The address that a journal's bytes hold, malloc'ed; NULL: they are not that upload's. */
char *ir_journal_read(const char *p, size_t len, const char *repository_url, const ir_desc *d);
void ir_journal_end(ir_journal *j);   /* there is nothing to continue any more */
void ir_journal_leave(ir_journal *j); /* the next process may continue it */

#endif
