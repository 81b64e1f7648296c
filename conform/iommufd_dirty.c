/* SPDX-License-Identifier: MIT */
/* iommufd_dirty.c - enforced coherency, and who can have dirty tracking, as iommufd tells and refuses it */
#include "conform/either.h"
#include "conform/iommufd.h"

#define RW (UIOMMU_READ | UIOMMU_WRITE)
#define DIRTY ABI_IOMMU_HWPT_ALLOC_DIRTY_TRACKING
#define UNKNOWN 99u

static bool enforces(const struct abi_device *d)
{
	return uiommu_device_capable(d->dev, UIOMMU_CAP_ENFORCE_CACHE_COHERENCY);
}

/* VFIO's question, whether devices can go round the caches, of an IOAS with the HWPTs that it has. */
static void told(struct abi *a, int iommufd, uint32_t ioas, bool expected)
{
	struct abi_iommu_vfio_ioas arg = {
		.size = sizeof(arg),
		.ioas_id = ioas,
		.op = ABI_IOMMU_VFIO_IOAS_SET,
	};
	int cc;

	CHECK_OK(a->s, abi_ioctl(a, iommufd, ABI_IOMMU_VFIO_IOAS, &arg));
	CHECK_FD(a->s,
		 abi_ioctl_number(a, iommufd, ABI_VFIO_CHECK_EXTENSION, ABI_VFIO_DMA_CC_IOMMU),
		 &cc);
	CHECK(a->s, cc == expected, "coherency is said to be %senforced", cc ? "" : "not ");
}

/* Two devices, as far as this hardware has such ones of which @first is capable and @second is not. */
static bool mixed(struct abi_device *d[3], struct abi_device **first, struct abi_device **second)
{
	for (unsigned int i = 0; i < 3; i++)
		for (unsigned int j = 0; j < 3; j++) {
			*first = d[i];
			*second = d[j];
			if (d[i] && d[j] && enforces(d[i]) && !enforces(d[j]))
				return true;
		}
	*first = d[0];
	*second = d[1];
	return false;
}

void iommufd_coherency(struct subject *s)
{
	struct abi_device *d[3], *first, *second;
	struct subject_buffer memory;
	uint32_t ioas, other, hwpt, plain, pt;
	int iommufd;
	struct abi *a = iommufd_start(s, "solo0", &iommufd, &d[0]);

	d[1] = iommufd_device(a, iommufd, "solo1");
	d[2] = machine_device(s->machine, "solo2") ? iommufd_device(a, iommufd, "solo2") : NULL;
	memory = subject_buffer(s, s->page);
	ioas = abi_ioas(a, iommufd);
	other = abi_ioas(a, iommufd);
	iommufd_map(a, iommufd, ioas, s->iova, &memory);
	iommufd_map(a, iommufd, other, s->iova, &memory);
	if (mixed(d, &first, &second)) {
		hwpt = iommufd_hwpt(first, iommufd, ioas, 0);
		plain = iommufd_hwpt(second, iommufd, other, 0);
		told(a, iommufd, ioas, true);
		told(a, iommufd, other, false);
		abi_attached(first, hwpt);
		/* Refused, and what it had stays. */
		pt = hwpt;
		CHECK_RC(s, abi_attach(a, second->cdev, &pt), -UIOMMU_EINVAL);
		abi_blocked(second, s->iova, memory.mem);
		abi_attached(second, plain);
		CHECK_RC(s, abi_attach(a, second->cdev, &pt), -UIOMMU_EINVAL);
		abi_reaches(second, s->iova, memory.mem, RW);
		/* The IOAS finds another one for it, and then does not enforce any more. */
		CHECK(s, abi_attached(second, ioas) != hwpt, "it got what refuses it");
		abi_reaches(second, s->iova, memory.mem, RW);
		told(a, iommufd, ioas, false);
		CHECK_OK(s, abi_detach(a, second->cdev));
		told(a, iommufd, ioas, true);
		CHECK_OK(s, abi_destroy(a, iommufd, plain));
	} else {
		hwpt = iommufd_hwpt(first, iommufd, ioas, 0);
		told(a, iommufd, ioas, enforces(first));
		abi_attached(first, hwpt);
		pt = hwpt;
		if (uiommu_device_instance(first->dev) == uiommu_device_instance(second->dev)) {
			CHECK_OK(s, abi_attach(a, second->cdev, &pt));
			abi_reaches(second, s->iova, memory.mem, RW);
			CHECK_OK(s, abi_detach(a, second->cdev));
		}
		told(a, iommufd, ioas, enforces(first));
	}
	abi_reaches(first, s->iova, memory.mem, RW);
	/* Without a HWPT nothing promises anything against it. */
	CHECK_OK(s, abi_detach(a, first->cdev));
	CHECK_OK(s, abi_destroy(a, iommufd, hwpt));
	for (unsigned int i = 0; i < 3; i++)
		if (d[i])
			abi_unbind(d[i]);
	CHECK_OK(s, abi_destroy(a, iommufd, ioas));
	CHECK_OK(s, abi_destroy(a, iommufd, other));
	subject_buffer_free(s, &memory);
	abi_end(a);
}

static int track(struct abi *a, int iommufd, uint32_t hwpt, uint32_t flags)
{
	struct abi_iommu_hwpt_set_dirty_tracking arg = {
		.size = sizeof(arg),
		.flags = flags,
		.hwpt_id = hwpt,
	};

	return abi_ioctl(a, iommufd, ABI_IOMMU_HWPT_SET_DIRTY_TRACKING, &arg);
}

/* Every device of the machine that can not. */
static void attach_incapable(struct abi *a, int iommufd, uint32_t hwpt)
{
	static const char *const labels[] = { "solo1", "solo2" };

	for (unsigned int i = 0; i < sizeof(labels) / sizeof(labels[0]); i++) {
		struct abi_device *d;
		uint32_t pt = hwpt;

		if (!machine_device(a->s->machine, labels[i]))
			continue;
		d = iommufd_device(a, iommufd, labels[i]);
		if (!uiommu_device_capable(d->dev, UIOMMU_CAP_DIRTY_TRACKING))
			CHECK_RC(a->s, abi_attach(a, d->cdev, &pt), -UIOMMU_EINVAL);
		abi_unbind(d);
	}
}

void iommufd_dirty_flag(struct subject *s)
{
	uint32_t ioas, plain, hwpt = 0, flags;
	struct subject_buffer memory;
	struct abi_device *d;
	uint8_t bits = 0;
	bool can;
	int iommufd;
	struct abi *a = iommufd_start(s, "solo0", &iommufd, &d);

	memory = subject_buffer(s, s->page);
	ioas = abi_ioas(a, iommufd);
	iommufd_map(a, iommufd, ioas, s->iova, &memory);
	can = uiommu_device_capable(d->dev, UIOMMU_CAP_DIRTY_TRACKING);
	CHECK(s,
	      !(iommufd_hw_info(d, iommufd).out_capabilities & ABI_IOMMU_HW_CAP_DIRTY_TRACKING) ==
		      !can,
	      "GET_HW_INFO says another thing of dirty tracking than the device");
	plain = iommufd_hwpt(d, iommufd, ioas, 0);
	if (!can) {
		CHECK_RC(s, abi_hwpt(a, iommufd, d->devid, ioas, DIRTY, &hwpt), -UIOMMU_EOPNOTSUPP);
	} else {
		hwpt = iommufd_hwpt(d, iommufd, ioas, DIRTY);
		for (unsigned int round = 0; round < 4; round++)
			CHECK_OK(s, abi_set_dirty_tracking(a, iommufd, hwpt, round < 2));
		/* Both ways, attached too. */
		abi_attached(d, hwpt);
		for (unsigned int round = 0; round < 4; round++)
			CHECK_OK(s, abi_set_dirty_tracking(a, iommufd, hwpt, round < 2));
		abi_reaches(d, s->iova, memory.mem, RW);
		for (flags = 2; flags; flags <<= 1)
			CHECK_RC(s, track(a, iommufd, hwpt, flags | 1), -UIOMMU_EOPNOTSUPP);
		attach_incapable(a, iommufd, hwpt);
		abi_reaches(d, s->iova, memory.mem, RW);
	}
	/* Made without the flag. */
	abi_attached(d, plain);
	CHECK_RC(s, track(a, iommufd, plain, 1), -UIOMMU_EOPNOTSUPP);
	CHECK_RC(s, track(a, iommufd, plain, 0), -UIOMMU_EOPNOTSUPP);
	CHECK_RC(s, abi_get_dirty(a, iommufd, plain, s->iova, s->page, s->page, 0, &bits),
		 -UIOMMU_EOPNOTSUPP);
	CHECK_RC(s, track(a, iommufd, ioas, 1), -UIOMMU_ENOENT);
	CHECK_RC(s, track(a, iommufd, d->devid, 1), -UIOMMU_ENOENT);
	CHECK_RC(s, track(a, iommufd, UNKNOWN, 1), -UIOMMU_ENOENT);
	CHECK_RC(s, track(a, iommufd, UNKNOWN, 2), -UIOMMU_EOPNOTSUPP); /* flags come first */
	abi_reaches(d, s->iova, memory.mem, RW);
	abi_unbind(d);
	CHECK_OK(s, abi_destroy(a, iommufd, plain));
	if (hwpt)
		CHECK_OK(s, abi_destroy(a, iommufd, hwpt));
	CHECK_OK(s, abi_destroy(a, iommufd, ioas));
	subject_buffer_free(s, &memory);
	abi_end(a);
}
