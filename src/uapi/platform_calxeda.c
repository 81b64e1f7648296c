/* SPDX-License-Identifier: MIT */
/* platform_calxeda.c - reset of Calxeda's XGMAC ("calxeda,hb-xgmac"): interrupts, DMA and the MAC are switched off */
#include "src/uapi/platform.h"

#define MAC_CONTROL 0x000u
#define MAC_CONTROL_TRANSMIT 0x8u
#define MAC_CONTROL_RECEIVE 0x4u
#define DMA_CONTROL 0xf18u
#define DMA_CONTROL_TRANSMIT 0x2000u
#define DMA_CONTROL_RECEIVE 0x2u
#define DMA_INTERRUPT_ENABLE 0xf1cu

static void clear_bits(struct uiommu_uapi_platform_reset *reset, uint64_t offset, uint32_t bits)
{
	reset->write(reset, 0, offset, reset->read(reset, 0, offset) & ~bits);
}

int uiommu_platform_reset_calxeda(struct uiommu_uapi_platform_reset *reset)
{
	int rc = reset->map(reset, 0);

	if (rc)
		return rc;
	reset->write(reset, 0, DMA_INTERRUPT_ENABLE, 0);
	clear_bits(reset, DMA_CONTROL, DMA_CONTROL_TRANSMIT | DMA_CONTROL_RECEIVE);
	clear_bits(reset, MAC_CONTROL, MAC_CONTROL_TRANSMIT | MAC_CONTROL_RECEIVE);
	return 0;
}
