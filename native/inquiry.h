/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STEELYARD_INQUIRY_H
#define STEELYARD_INQUIRY_H

#include "address.h"
#include "ethernet.h"

/** DOC: The frame that asks a segment whether anybody has an address. */

/**
 * inquiry_write() - build it
 * @address:	the address asked for
 * @mac:	who asks
 * @frame:	written
 *
 * An ARP probe (RFC 5227 2.1.1), or the solicitation of duplicate address
 * detection (RFC 4862 5.4.2): both without a sender, so that nobody who hears
 * them learns anything. Who has the address answers the first by unicast, the
 * second to all nodes. A copy that comes back to us bears our hardware address
 * and is no answer.
 */
void inquiry_write(const struct address *address, const uint8_t mac[MAC_LENGTH],
		   struct frame *frame);

#endif
