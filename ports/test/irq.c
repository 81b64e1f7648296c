/* SPDX-License-Identifier: MIT */
/* irq.c - interrupts: requested, written by hardware, delivered when the test says so */
#include "ports/test/internal.h"

#define MSI_ADDRESS 0xfee00000ull
#define MSI_FIRST 0x4000u /* so that no message is what a forgotten register holds */

int uiommu_port_irq_request(void *host, void (*handler)(void *arg), void *arg,
			    struct uiommu_msi *msi)
{
	struct uiommu_test *test = host;
	struct place here = HERE();
	int irq;

	if (test->config.no_interrupts)
		return -UIOMMU_EOPNOTSUPP;
	if (uiommu_test_must_fail(test, UIOMMU_TEST_IRQ_REQUESTS, &here))
		return -UIOMMU_ENOSPC;
	test_lock(test);
	for (irq = 0; irq < MAX_IRQS && test->irq[irq].handler; irq++)
		;
	if (!handler || !msi) {
		char where[300];

		uiommu_test_place(&here, where, sizeof(where));
		uiommu_test_violation(test, UIOMMU_TEST_IRQ_REQUEST, "by %s", where);
		irq = MAX_IRQS;
	}
	if (irq == MAX_IRQS) {
		test_unlock(test);
		return -UIOMMU_ENOSPC;
	}
	test->irq[irq] = (struct irq){ .handler = handler, .arg = arg, .requested = here };
	test_unlock(test);
	msi->address = MSI_ADDRESS;
	msi->data = MSI_FIRST + (uint32_t)irq;
	return irq;
}

void uiommu_port_irq_free(void *host, int irq)
{
	struct uiommu_test *test = host;
	struct place here = HERE();
	char where[300], requested[300];
	struct irq *i;

	test_lock(test);
	uiommu_test_may_sleep(test, UIOMMU_TEST_NO_SLEEP, "irq_free", &here);
	uiommu_test_place(&here, where, sizeof(where));
	if (irq < 0 || irq >= MAX_IRQS || !test->irq[irq].handler) {
		uiommu_test_violation(test, UIOMMU_TEST_IRQ_FREE, "number %d, by %s", irq, where);
		test_unlock(test);
		return;
	}
	i = &test->irq[irq];
	uiommu_test_place(&i->requested, requested, sizeof(requested));
	if (i->runs_on == uiommu_test_me())
		uiommu_test_violation(test, UIOMMU_TEST_IRQ_DEADLOCK,
				      "number %d, by its own handler in %s, requested by %s", irq,
				      where, requested);
	else if (uiommu_test_kinds_held(test) & i->kinds)
		uiommu_test_violation(test, UIOMMU_TEST_IRQ_DEADLOCK,
				      "number %d, by %s, holding a mutex that the handler takes, "
				      "requested by %s",
				      irq, where, requested);
	while (i->runs_on && i->runs_on != uiommu_test_me()) {
		test_unlock(test);
		sched_yield();
		test_lock(test);
	}
	*i = (struct irq){ 0 };
	test_unlock(test);
}

bool uiommu_test_msi(struct uiommu_test *test, uint64_t address, uint32_t data)
{
	uint32_t irq = data - MSI_FIRST;
	bool known;

	test_lock(test);
	known = address == MSI_ADDRESS && irq < MAX_IRQS && test->irq[irq].handler;
	if (known)
		test->irq[irq].pending = true;
	else
		uiommu_test_violation(test, UIOMMU_TEST_IRQ_MESSAGE, "%x written to %llx", data,
				      (unsigned long long)address);
	test_unlock(test);
	return known;
}

unsigned int uiommu_test_deliver(struct uiommu_test *test)
{
	unsigned int delivered = 0;

	test_lock(test);
	for (int irq = 0; irq < MAX_IRQS; irq++) {
		struct irq *i = &test->irq[irq], copy = *i;

		if (!i->handler || !i->pending || i->runs_on)
			continue;
		i->pending = false;
		i->runs_on = uiommu_test_me();
		test_unlock(test);
		copy.handler(copy.arg);
		test_lock(test);
		uiommu_test_none_held(test, "after an interrupt handler");
		i->runs_on = NULL;
		delivered++;
	}
	test_unlock(test);
	return delivered;
}

void uiommu_test_irq_leaks(struct uiommu_test *test)
{
	for (int irq = 0; irq < MAX_IRQS; irq++) {
		struct irq *i = &test->irq[irq];
		char requested[300];

		if (!i->handler || i->reported)
			continue;
		i->reported = true;
		uiommu_test_place(&i->requested, requested, sizeof(requested));
		uiommu_test_violation(test, UIOMMU_TEST_IRQ_LEAK, "number %d, requested by %s", irq,
				      requested);
	}
}
