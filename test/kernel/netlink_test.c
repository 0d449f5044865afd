/* SPDX-License-Identifier: Apache-2.0 */

/** DOC: Loses netlink events on purpose and gets the picture back. Runs in a network namespace of its own. */
#include "netlink.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "../native/check.h"

#define MANY 1000

static void add_many_addresses(void)
{
	FILE *batch = popen("ip -batch -", "w");

	CHECK(batch != NULL);
	for (int i = 0; i < MANY; i++)
		fprintf(batch, "addr add 10.9.%d.%d/32 dev lo\n", i / 250, i % 250 + 1);
	CHECK(pclose(batch) == 0);
}

int main(void)
{
	struct interfaces all;
	struct netlink netlink;
	const struct interface *lo;
	size_t before;
	int tiny = 1;

	interfaces_init(&all);
	CHECK(netlink_open(&netlink, &all) == 0);
	CHECK(netlink_wait(&netlink, &all, 5000) == 0);
	lo = interfaces_by_name(&all, "lo");
	CHECK(lo != NULL);
	before = lo->address_count;

	CHECK(setsockopt(netlink.fd, SOL_SOCKET, SO_RCVBUF, &tiny, sizeof(tiny)) == 0);
	add_many_addresses();
	CHECK(netlink_receive(&netlink, &all) == -ENOBUFS);
	netlink_close(&netlink);

	CHECK(netlink_open(&netlink, &all) == 0);
	CHECK(netlink_wait(&netlink, &all, 5000) == 0);
	CHECK(interfaces_by_name(&all, "lo")->address_count == before + MANY);
	netlink_close(&netlink);
	interfaces_free(&all);
	return 0;
}
