#include "CTirpc.h"
