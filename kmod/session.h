/* SPDX-License-Identifier: GPL-2.0 */
/* Making and ending sessions with a node; for peer.c. */
#ifndef MEDES_SESSION_H
#define MEDES_SESSION_H

struct medes_peer;
struct medes_session;

struct medes_session *medes_session_open(struct medes_peer *peer, int *refused);
void medes_session_close(struct medes_session *session);

#endif /* MEDES_SESSION_H */
