/* SPDX-License-Identifier: MIT */
/*
 * platform_xgbe.c - reset of AMD's 10G Ethernet of Seattle ("amd,xgbe-seattle-v1a")
 *
 * Region 0 has the MAC, region 1 the PCS.  Registers of the PCS are those of IEEE 802.3 clause 45, by device (MMD) and
 * number: a page of 256 is selected first, then a word each is a register.  A part that does not come out of its reset
 * is said, and no reason to give up: the result is 0 once both regions are reachable.
 */
#include "src/uapi/platform.h"

#define MAC 0u
#define PCS 1u

#define MAC_DMA_MODE 0x3000u
#define MAC_DMA_MODE_RESET 1u

#define PCS_SELECT (0xffu << 2)

/* IEEE 802.3, 45.2.3.1 (PCS control 1) and 45.2.7.1 (AN control); then two of the vendor's. */
#define MMD_PCS 3u
#define MMD_AN 7u
#define MDIO_CONTROL 0u
#define MDIO_CONTROL_RESET 0x8000u
#define MDIO_CONTROL_AN_ENABLE 0x1000u
#define MDIO_AN_INTERRUPT_MASK 0x8001u
#define MDIO_AN_INTERRUPT 0x8002u

#define PHY_POLLS 50u
#define PHY_POLL_NS UINT64_C(20000000)
#define MAC_POLLS 2000u
#define MAC_POLL_NS UINT64_C(500000)

/* Where a register is once its page is selected. */
static uint64_t select_page(struct uiommu_uapi_platform_reset *reset, uint32_t mmd, uint32_t number)
{
	reset->write(reset, PCS, PCS_SELECT, (mmd << 16 | number) >> 8);
	return (uint64_t)(number & 0xff) << 2;
}

static uint32_t mdio_read(struct uiommu_uapi_platform_reset *reset, uint32_t mmd, uint32_t number)
{
	return reset->read(reset, PCS, select_page(reset, mmd, number));
}

static void mdio_write(struct uiommu_uapi_platform_reset *reset, uint32_t mmd, uint32_t number,
		       uint32_t value)
{
	reset->write(reset, PCS, select_page(reset, mmd, number), value);
}

static bool reset_phy(struct uiommu_uapi_platform_reset *reset)
{
	mdio_write(reset, MMD_PCS, MDIO_CONTROL,
		   mdio_read(reset, MMD_PCS, MDIO_CONTROL) | MDIO_CONTROL_RESET);
	for (unsigned int i = 0; i < PHY_POLLS; i++) {
		reset->delay(reset, PHY_POLL_NS);
		if (!(mdio_read(reset, MMD_PCS, MDIO_CONTROL) & MDIO_CONTROL_RESET))
			return true;
	}
	return false;
}

static bool reset_mac(struct uiommu_uapi_platform_reset *reset)
{
	reset->write(reset, MAC, MAC_DMA_MODE,
		     reset->read(reset, MAC, MAC_DMA_MODE) | MAC_DMA_MODE_RESET);
	for (unsigned int i = 0; i < MAC_POLLS; i++) {
		reset->delay(reset, MAC_POLL_NS);
		if (!(reset->read(reset, MAC, MAC_DMA_MODE) & MAC_DMA_MODE_RESET))
			return true;
	}
	return false;
}

int uiommu_platform_reset_xgbe(struct uiommu_uapi_platform_reset *reset)
{
	int rc = reset->map(reset, MAC);

	if (!rc)
		rc = reset->map(reset, PCS);
	if (rc)
		return rc;
	if (!reset_phy(reset))
		reset->log(reset, UIOMMU_LOG_WARN, "the PHY does not come out of its reset");
	mdio_write(reset, MMD_AN, MDIO_CONTROL,
		   mdio_read(reset, MMD_AN, MDIO_CONTROL) & ~MDIO_CONTROL_AN_ENABLE);
	mdio_write(reset, MMD_AN, MDIO_AN_INTERRUPT_MASK, 0);
	mdio_write(reset, MMD_AN, MDIO_AN_INTERRUPT, 0);
	if (!reset_mac(reset))
		reset->log(reset, UIOMMU_LOG_WARN, "the MAC does not come out of its reset");
	return 0;
}
