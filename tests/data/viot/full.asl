/* SPDX-License-Identifier: MIT */
/* Every kind of node: two virtio-iommus, ranges of two segments, an unknown IOMMU. iasl -G: older ones do not know the table. */
[0004]                          Signature : "VIOT"
[0004]                       Table Length : 00000000
[0001]                           Revision : 00
[0001]                           Checksum : 00
[0006]                             Oem ID : "UIOMMU"
[0008]                       Oem Table ID : "FULL    "
[0004]                       Oem Revision : 00000001
[0004]                    Asl Compiler ID : "INTL"
[0004]              Asl Compiler Revision : 00000001

UINT16 : 0008
UINT16 : 0030
UINT64 : 0000000000000000

/* 0030: segments 0 and 1, buses 0 to 7, endpoints from 100 */
UINT8 : 01
UINT8 : 00
UINT16 : 0018
UINT32 : 00000100
UINT16 : 0000
UINT16 : 0001
UINT16 : 0000
UINT16 : 07FF
UINT16 : 0078
UINT16 : 0000
UINT32 : 00000000

/* 0048: a device at fe000000 */
UINT8 : 02
UINT8 : 00
UINT16 : 0018
UINT32 : 00000042
UINT64 : 00000000FE000000
UINT16 : 0088
UINT16 : 0000
UINT32 : 00000000

/* 0060: one function of segment 2 */
UINT8 : 01
UINT8 : 00
UINT16 : 0018
UINT32 : FFFFFFFF
UINT16 : 0002
UINT16 : 0002
UINT16 : 0321
UINT16 : 0321
UINT16 : 0088
UINT16 : 0000
UINT32 : 00000000

/* 0078: a virtio-iommu at 0000:00:03.0 */
UINT8 : 03
UINT8 : 00
UINT16 : 0010
UINT16 : 0000
UINT16 : 0018
UINT64 : 0000000000000000

/* 0088: one with registers at 0a003e00 */
UINT8 : 04
UINT8 : 00
UINT16 : 0010
UINT32 : 00000000
UINT64 : 000000000A003E00

/* 0098: an IOMMU of a later version, with devices */
UINT8 : 09
UINT8 : 00
UINT16 : 0008
UINT32 : 00000000
UINT8 : 01
UINT8 : 00
UINT16 : 0018
UINT32 : 00000000
UINT16 : 0003
UINT16 : 0003
UINT16 : 0000
UINT16 : FFFF
UINT16 : 0098
UINT16 : 0000
UINT32 : 00000000
UINT8 : 02
UINT8 : 00
UINT16 : 0018
UINT32 : 00000001
UINT64 : 00000000FE100000
UINT16 : 0098
UINT16 : 0000
UINT32 : 00000000
