/* SPDX-License-Identifier: Apache-2.0 */

/** DOC: Loses netlink events on purpose and gets the picture back. Runs in a network namespace with eth0. */
#include "netlink.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "../native/check.h"

#define MANY 1000

static void add_many_addresses(int network)
{
	FILE *batch = popen("ip -batch -", "w");

	CHECK(batch != NULL);
	for (int i = 0; i < MANY; i++)
		fprintf(batch, "addr add 10.%d.%d.%d/32 dev lo\n", network, i / 250, i % 250 + 1);
	CHECK(pclose(batch) == 0);
}

static void add_routes(const char *first, int more)
{
	FILE *batch = popen("ip -batch -", "w");

	CHECK(batch != NULL);
	fprintf(batch, "route add %s dev eth0\n", first);
	for (int i = 0; i < more; i++)
		fprintf(batch, "route add 10.11.%d.%d/32 dev eth0\n", i / 250, i % 250 + 1);
	CHECK(pclose(batch) == 0);
}

static void shrink_buffer(const struct netlink *netlink)
{
	int tiny = 1;

	CHECK(setsockopt(netlink->fd, SOL_SOCKET, SO_RCVBUF, &tiny, sizeof(tiny)) == 0);
}

static size_t addresses_of_lo(const struct interfaces *all)
{
	const struct interface *lo = interfaces_by_name(all, "lo");

	CHECK(lo != NULL);
	return lo->address_count;
}

int main(void)
{
	struct interfaces all;
	struct netlink netlink;
	size_t before;

	interfaces_init(&all);
	CHECK(netlink_open(&netlink, &all) == 0);
	CHECK(netlink_wait(&netlink, &all, 5000) == 0);
	before = addresses_of_lo(&all);

	shrink_buffer(&netlink);
	add_many_addresses(9);
	CHECK(netlink_receive(&netlink, &all) == -ENOBUFS);
	netlink_close(&netlink);

	/* The first picture survives a loss too. */
	CHECK(netlink_open(&netlink, &all) == 0);
	shrink_buffer(&netlink);
	add_many_addresses(10);
	CHECK(netlink_wait(&netlink, &all, 5000) == 0);
	CHECK(addresses_of_lo(&all) == before + 2 * MANY);

	/* Routes of other networks take no room in the smallest of buffers, and a default route is heard of. */
	CHECK(netlink_receive(&netlink, &all) == 0);
	all.changed = false;
	shrink_buffer(&netlink);
	add_routes("10.12.0.0/16", MANY);
	CHECK(netlink_receive(&netlink, &all) == 0);
	CHECK(!all.changed);
	add_routes("default", 0);
	CHECK(netlink_receive(&netlink, &all) == 0);
	CHECK(all.changed);
	netlink_close(&netlink);
	interfaces_free(&all);
	return 0;
}
