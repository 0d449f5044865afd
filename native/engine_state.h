/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STEELYARD_ENGINE_STATE_H
#define STEELYARD_ENGINE_STATE_H

#include <pthread.h>

#include "burst.h"
#include "claim_limit.h"
#include "directed.h"
#include "engine.h"
#include "entry.h"
#include "event_queue.h"
#include "groups.h"
#include "interfaces.h"
#include "netlink.h"
#include "observed.h"
#include "packet_socket.h"
#include "port.h"
#include "requesters.h"
#include "responder.h"

/** DOC: What engine.c, engine_addresses.c and engine_claims.c (the owner's side) and engine_thread.c share; nobody else includes this. */

/** struct engine - everything but @thread, @notify and @context is guarded by @lock. */
struct engine {
	pthread_mutex_t turnstile;
	pthread_mutex_t lock;
	pthread_t thread;
	engine_notify notify;
	void *context;

	struct table table;
	/** Addresses that are none of ours, see observed.h. */
	struct table observed;
	struct claim_limit claims;
	struct burst burst;
	struct burst directed;
	struct requester_pool requesters;
	struct gateways gateways;
	struct ports ports;
	struct interfaces interfaces;
	/** Has a lock of its own, taken after this one. */
	struct groups *groups;
	struct event_queue queue;

	/** Written to from outside so that the thread looks around. */
	int wake_fd;
	int epoll_fd;
	struct netlink netlink;
	uint64_t netlink_retry_at;
	/** The owner was told that netlink failed, and not yet that it works again. */
	bool netlink_failed;

	/** Ports must be compared with the picture of the interfaces. */
	bool ports_stale;
	/** The owner has been told and has not taken the news yet. */
	bool notified;
	uint64_t notify_not_before;
	bool stopping;

	/** Used by the thread alone. */
	struct packet_batch received;
	/** Used under the lock, from filling it to sending it. */
	struct packet_batch sending;
};

/** engine_run() - the thread's main function; @argument is the engine. Return: NULL. */
void *engine_run(void *argument);

/** engine_lock() - take the lock, fairly: the thread and its owner alternate when both want it. */
void engine_lock(struct engine *engine);
void engine_unlock(struct engine *engine);

/** engine_wake() - have the thread look around. */
void engine_wake(struct engine *engine);

/**
 * engine_note_claim() - tell the owner of a foreign host that has an address, if that concerns it
 * @number:	the port on which the frame arrived
 * @verdict:	about that frame
 */
void engine_note_claim(struct engine *engine, uint32_t number,
		       const struct responder_verdict *verdict, uint64_t now);

/** engine_now() - Return: monotonic time in nanoseconds. */
uint64_t engine_now(void);

#endif
