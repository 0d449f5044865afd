/* SPDX-License-Identifier: Apache-2.0 */

/** DOC: What is told when more happens than can be. */
#include "event_queue.h"

#include "check.h"

static struct event_queue queue;

static void put(enum event_kind kind, int times)
{
	struct event event = { .kind = kind };

	for (int i = 0; i < times; i++)
		event_queue_put(&queue, &event);
}

static void forged_claims_leave_room_for_what_this_host_tells_of_itself(void)
{
	put(EVENT_CLAIM, 10000);
	put(EVENT_SOCKET_FAILED, 1);
	put(EVENT_SOCKET_OPENED, 1);
	CHECK(queue.count == EVENT_QUEUE_CLAIMS + 2);
	CHECK(queue.events[queue.count - 2].kind == EVENT_SOCKET_FAILED);
	CHECK(queue.events[queue.count - 1].kind == EVENT_SOCKET_OPENED);
	CHECK(queue.dropped == 10000 - EVENT_QUEUE_CLAIMS);
}

static void what_does_not_fit_is_counted(void)
{
	put(EVENT_SOCKET_FAILED, 10000);
	CHECK(queue.count == EVENT_QUEUE_CAPACITY);
	CHECK(queue.dropped == 10000 - EVENT_QUEUE_CLAIMS + 10002 - (EVENT_QUEUE_CAPACITY - EVENT_QUEUE_CLAIMS));
}

int main(void)
{
	forged_claims_leave_room_for_what_this_host_tells_of_itself();
	what_does_not_fit_is_counted();
	return 0;
}
