/* SPDX-License-Identifier: Apache-2.0 */
#include "event_queue.h"

void event_queue_put(struct event_queue *queue, const struct event *event)
{
	if (queue->count == EVENT_QUEUE_CAPACITY) {
		queue->dropped++;
		return;
	}
	queue->events[queue->count++] = *event;
}
