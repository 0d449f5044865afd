/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STEELYARD_ANNOUNCEMENT_H
#define STEELYARD_ANNOUNCEMENT_H

#include <stdint.h>

#include "address.h"
#include "ethernet.h"

/** DOC: The frames that tell a whole segment where an address is. */

/** Most frames that one announcement takes. */
#define ANNOUNCEMENT_FRAMES 2

/**
 * announcement_write() - build them
 * @address:	the address
 * @mac:	where it is now
 * @frames:	room for all of them
 *
 * For IPv4 the request form and the reply form of gratuitous ARP, because some
 * hosts heed only one of them; for IPv6 one unsolicited advertisement.
 *
 * Return: how many frames were written.
 */
int announcement_write(const struct address *address, const uint8_t mac[MAC_LENGTH],
		       struct frame frames[ANNOUNCEMENT_FRAMES]);

#endif
