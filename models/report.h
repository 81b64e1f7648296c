/* SPDX-License-Identifier: MIT */
/* report.h - the words of a report, without a library for text */
#ifndef MODEL_REPORT_H
#define MODEL_REPORT_H

#include "models/model.h"

/* What does not fit any more is cut off. */
void model_report_append(struct model_report *report, const char *text);
/* 0x and no leading zeros. */
void model_report_append_hex(struct model_report *report, uint64_t value);

#endif /* MODEL_REPORT_H */
