/* look.h - exists: tier by tier, without fetching the value where the tier can. [loop] */
#ifndef MSI_LOOK_H
#define MSI_LOOK_H

#include "pipeline/request.h"

void msi_look_begin(mst_request *);

#endif
