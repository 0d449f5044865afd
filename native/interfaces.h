/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STEELYARD_INTERFACES_H
#define STEELYARD_INTERFACES_H

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ethernet.h"

/**
 * DOC: The picture of this host's interfaces that netlink paints.
 *
 * A picture may be painted over: interfaces_begin() starts a new generation,
 * everything the kernel still tells of joins it, and the two sweeps take away
 * what is left of the old one. So nothing flickers when events were lost.
 */

/** struct interface_address - one address with its prefix. */
struct interface_address {
	/** AF_INET (4 bytes used) or AF_INET6 (16). */
	uint8_t family;
	uint8_t prefix_length;
	uint8_t bytes[16];
	uint32_t generation;
};

/** Room for the longest kind that the kernel knows, with its final zero; the rest of a longer one is cut. */
#define INTERFACE_KIND_LENGTH 16

/** struct interface - one network interface. */
struct interface {
	int index;
	char name[IFNAMSIZ];
	/** IFF_* of the kernel. */
	uint32_t flags;
	/** Index of the bridge, bond or VRF above, or 0. */
	int master;
	/** False where there is no 48-bit Ethernet address. */
	bool has_mac;
	uint8_t mac[MAC_LENGTH];
	/** What made it, in the kernel's word ("veth", "macvlan"); empty for hardware. */
	char kind[INTERFACE_KIND_LENGTH];
	/** Index of the interface in this namespace that it sits on, or 0. */
	int link;
	/** How often it got its carrier, as the kernel counts; 0 before Linux 4.16. */
	uint32_t carrier_ups;
	/** How often the kernel said that its neighbours must be told anew: a bond failed over, a machine moved. */
	uint32_t peers_notified;
	uint32_t generation;
	struct interface_address *addresses;
	size_t address_count;
};

/** struct interfaces - all of them, in no order. Owns its memory. */
struct interfaces {
	struct interface *items;
	size_t count;
	/** Set by every change that matters, also of default routes; cleared by whoever reports it. */
	bool changed;
	uint32_t generation;
};

void interfaces_init(struct interfaces *all);
void interfaces_free(struct interfaces *all);

/** interfaces_by_name() - Return: the interface of that name, borrowed until the next change, or NULL. */
const struct interface *interfaces_by_name(const struct interfaces *all, const char *name);

/** interfaces_by_index() - Return: the interface of that index, borrowed until the next change, or NULL. */
const struct interface *interfaces_by_index(const struct interfaces *all, int index);

/** interfaces_have_mac() - Return: true when one of this host's interfaces has that hardware address. */
bool interfaces_have_mac(const struct interfaces *all, const uint8_t mac[MAC_LENGTH]);

/**
 * interfaces_put() - add an interface, or take over its new state
 * @state:	everything but the addresses, which are kept
 *
 * Return: 0, or -ENOMEM.
 */
int interfaces_put(struct interfaces *all, const struct interface *state);

/** interfaces_remove() - forget an interface and its addresses; harmless when unknown. */
void interfaces_remove(struct interfaces *all, int index);

/**
 * interfaces_put_address() - add an address to an interface
 *
 * An address on an unknown interface is dropped: the interface is already gone.
 *
 * Return: 0, or -ENOMEM.
 */
int interfaces_put_address(struct interfaces *all, int index,
			   const struct interface_address *address);

void interfaces_remove_address(struct interfaces *all, int index,
			       const struct interface_address *address);

/** interfaces_begin() - start painting over. */
void interfaces_begin(struct interfaces *all);

/** interfaces_sweep() - forget interfaces not seen since interfaces_begin(). */
void interfaces_sweep(struct interfaces *all);

/** interfaces_sweep_addresses() - forget addresses not seen since interfaces_begin(). */
void interfaces_sweep_addresses(struct interfaces *all);

/**
 * interfaces_copy() - take a copy
 * @to:		uninitialized; free it with interfaces_free(), also after an error
 *
 * Return: 0, or -ENOMEM.
 */
int interfaces_copy(struct interfaces *to, const struct interfaces *from);

#endif
