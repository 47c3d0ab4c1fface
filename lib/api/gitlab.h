/* gitlab.h - a handle on a project of a GitLab, for the files that have its calls. */
#ifndef IR_API_GITLAB_H
#define IR_API_GITLAB_H

#include <imgrel/gitlab.h>

#include "gitlab/gitlab.h"

struct imgrel_gitlab {
    imgrel_client *client; /* borrowed */
    ir_gitlab *gitlab;
};

#endif
