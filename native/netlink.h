/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STEELYARD_NETLINK_H
#define STEELYARD_NETLINK_H

#include <stddef.h>
#include <stdint.h>

#include "interfaces.h"

/**
 * DOC: NETLINK_ROUTE: links and addresses, first all, then every change, and that a default route changed.
 *
 * The kernel may drop events when they come faster than they are read. It says
 * so (ENOBUFS), and the only cure is to ask for everything again.
 */

/** struct netlink - one subscription. */
struct netlink {
	/** -1 when closed. */
	int fd;
	uint32_t sequence;
	/** The dump under way: RTM_GETLINK, then RTM_GETADDR, then 0. */
	uint16_t dumping;
};

/**
 * netlink_open() - subscribe, and ask for everything
 * @netlink:	uninitialized or closed; close it with netlink_close()
 * @all:	starts a new generation
 *
 * Return: 0, or a negative error number (then @netlink is closed).
 */
int netlink_open(struct netlink *netlink, struct interfaces *all);

void netlink_close(struct netlink *netlink);

/**
 * netlink_receive() - work off what the kernel has sent, without waiting
 *
 * After -ENOBUFS events were lost: close, and open again.
 *
 * Return: 0, or a negative error number.
 */
int netlink_receive(struct netlink *netlink, struct interfaces *all);

/**
 * netlink_read() - take in the messages of one datagram, whatever its bytes are
 * @datagram:	aligned for struct nlmsghdr
 * @length:	how many bytes it has, less than 2 GiB
 *
 * Return: 0, or a negative error number: the kernel's, or of asking on.
 */
int netlink_read(struct netlink *netlink, struct interfaces *all, const void *datagram,
		 size_t length);

/**
 * netlink_wait() - receive until the first picture is complete
 * @milliseconds:	longest wait for the kernel's next word
 *
 * Starts over when events were lost meanwhile: a node may be full of changes
 * just when its speaker starts.
 *
 * Return: 0, or a negative error number; -ETIMEDOUT when the kernel stays silent.
 */
int netlink_wait(struct netlink *netlink, struct interfaces *all, int milliseconds);

#endif
