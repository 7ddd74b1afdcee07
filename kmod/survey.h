/* SPDX-License-Identifier: GPL-2.0 */
/* Which sandboxes need nodes that are away. */
#ifndef MEDES_SURVEY_H
#define MEDES_SURVEY_H

void medes_survey_soon(void);
void medes_survey_exit(void);

#endif /* MEDES_SURVEY_H */
