/* SPDX-License-Identifier: Apache-2.0 */
#include "event_queue.h"

void event_queue_put(struct event_queue *queue, const struct event *event)
{
	size_t capacity = event->kind == EVENT_CLAIM ? EVENT_QUEUE_CLAIMS : EVENT_QUEUE_CAPACITY;

	if (queue->count >= capacity) {
		queue->dropped++;
		return;
	}
	queue->events[queue->count++] = *event;
}
