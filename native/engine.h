/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STEELYARD_ENGINE_H
#define STEELYARD_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "address.h"
#include "event_queue.h"
#include "interfaces.h"

/**
 * DOC: The thread that keeps the network informed.
 *
 * It answers ARP requests and neighbor solicitations, sends gratuitous frames
 * and follows netlink, on its own and whatever its owner's thread is doing. The owner tells it which
 * addresses are answered where, and collects events. One lock guards all of
 * it, and frames leave under that lock: once engine_withdraw() has returned, no
 * further frame for the address leaves this host.
 *
 * Functions may be called from any thread unless said otherwise.
 */
struct engine;

/**
 * typedef engine_notify - there is something for engine_take()
 *
 * Called on the engine's thread, without its lock, at most once until the next
 * engine_take() and at most a hundred times a second.
 */
typedef void (*engine_notify)(void *context);

/** struct address_stats - what was done for one address on one interface since it is known there. */
struct address_stats {
	char interface[IFNAMSIZ];
	struct address address;
	uint64_t requests_received;
	uint64_t replies_sent;
	uint64_t gratuitous_sent;
	uint64_t directed_sent;
};

/** struct engine_news - what happened since the last engine_take(). */
struct engine_news {
	struct event_queue queue;
	bool interfaces_changed;
};

/**
 * engine_create() - take the first picture of the interfaces and start the thread
 * @out:	the engine, to be ended with engine_destroy(); set on success only
 * @notify:	called when there is news
 * @context:	handed to @notify
 * @failed_call: set on error to the name of the system call that failed
 *
 * Return: 0, or a negative error number; -EPERM when CAP_NET_RAW is missing.
 */
int engine_create(struct engine **out, engine_notify notify, void *context,
		  const char **failed_call);

/** engine_destroy() - end the thread, wait for it, free everything. Not from within @notify. */
void engine_destroy(struct engine *engine);

/**
 * engine_answer() - answer requests for addresses on an interface from now on
 * @interface:	its name, shorter than IFNAMSIZ; it may appear later
 * @addresses:	@count of them, of both families
 *
 * Addresses already answered there keep their counters and their bursts.
 *
 * Return: 0, or -ENOMEM, with some of the addresses answered.
 */
int engine_answer(struct engine *engine, const char *interface, const struct address *addresses,
		  size_t count);

/**
 * engine_watch() - remember who asks for addresses from now on, and answer no more
 *
 * For addresses that this host is the next to answer, so that it can tell those
 * who asked. As engine_answer() otherwise; addresses that were answered keep
 * whom they remember.
 */
int engine_watch(struct engine *engine, const char *interface, const struct address *addresses,
		 size_t count);

/** engine_withdraw() - answer no more and cancel bursts, and forget who asked; addresses that are unknown are ignored. */
void engine_withdraw(struct engine *engine, const char *interface, const struct address *addresses,
		     size_t count);

/** engine_announce() - start the gratuitous schedule, and tell gateways and those who asked; addresses that are not answered there are ignored. */
void engine_announce(struct engine *engine, const char *interface, const struct address *addresses,
		     size_t count);

/**
 * engine_observe() - tell of foreign hosts that have an address which nobody here answers for
 *
 * As those that claim one that is answered are told of without being asked for.
 *
 * Return: 0, or -ENOMEM, with some of the addresses observed.
 */
int engine_observe(struct engine *engine, const char *interface, const struct address *addresses,
		   size_t count);

/** engine_ignore() - observe no more; addresses that were not observed are ignored. */
void engine_ignore(struct engine *engine, const char *interface, const struct address *addresses,
		   size_t count);

/**
 * engine_inquire() - ask now, once, whether anybody else has the addresses
 *
 * Whoever has is told of as a claim, where the address is answered or
 * observed. Nothing is sent where neither is, or while there is no link.
 */
void engine_inquire(struct engine *engine, const char *interface, const struct address *addresses,
		    size_t count);

/** engine_defend() - announce now, once (RFC 5227 2.4 b); addresses that are not answered there are ignored. */
void engine_defend(struct engine *engine, const char *interface, const struct address *addresses,
		   size_t count);

/** engine_set_gateways() - tell these, too, when an address is announced; all beyond GATEWAYS_MAX of a family are ignored. */
void engine_set_gateways(struct engine *engine, const struct address *addresses, size_t count);

/** engine_set_refresh() - announce again each so many nanoseconds what is announced from now on; 0: never. */
void engine_set_refresh(struct engine *engine, uint64_t interval);

/** engine_take() - move the news out of the engine into @news. */
void engine_take(struct engine *engine, struct engine_news *news);

/**
 * engine_copy_interfaces() - the present picture
 * @to:		uninitialized; free it with interfaces_free(), also after an error
 *
 * Return: 0, or -ENOMEM.
 */
int engine_copy_interfaces(struct engine *engine, struct interfaces *to);

/**
 * engine_stats() - counters of all addresses that are answered
 * @stats:	set to an array that the caller frees
 * @count:	set to its length
 *
 * Return: 0, or -ENOMEM.
 */
int engine_stats(struct engine *engine, struct address_stats **stats, size_t *count);

#endif
