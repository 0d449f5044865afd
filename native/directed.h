/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STEELYARD_DIRECTED_H
#define STEELYARD_DIRECTED_H

#include <stddef.h>

#include "address.h"
#include "ethernet.h"
#include "interfaces.h"
#include "requesters.h"

/**
 * DOC: The frames that tell single neighbours where an address is.
 *
 * Some switches drop gratuitous ARP, and some hosts ignore it. An ordinary
 * request from the address to such a host passes, and makes it take over the
 * sender. It goes to the gateways and to those who asked for the address.
 */

/** Most gateways that are told. */
#define GATEWAYS_MAX 2

/** Most frames that one address takes. */
#define DIRECTED_FRAMES (GATEWAYS_MAX + REQUESTERS_PER_ADDRESS)

/** struct gateways - the default gateways of this host, of both families. */
struct gateways {
	struct address addresses[2 * GATEWAYS_MAX];
	size_t count;
};

/**
 * directed_write() - build them
 * @address:	the address
 * @mac:	where it is now
 * @gateways:	those of its family that are on the interface's links are told, in its group or
 *		by broadcast, for their hardware addresses are not known: one that was heard may be
 *		forged, or that of a router whose place another has taken
 * @interface:	where the address is announced
 * @requesters:	told by unicast
 * @frames:	room for all of them
 *
 * Return: how many frames were written.
 */
int directed_write(const struct address *address, const uint8_t mac[MAC_LENGTH],
		   const struct gateways *gateways, const struct interface *interface,
		   const struct requesters *requesters, struct frame frames[DIRECTED_FRAMES]);

#endif
