/* board.h - the inside of ir_board: where workers leave reports for the thread that made the call.
 */
#ifndef IR_NET_BOARD_H
#define IR_NET_BOARD_H

#include "net/call.h"

/* Leaves a report; waits while the board is full. ECANCELED once the call is ending. */
int ir_must_use ir_board_post(struct ir_board *board, const ir_call *call, const imgrel_event *ev,
                              imgrel_error *err);

#endif
