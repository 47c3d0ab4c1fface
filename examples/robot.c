/* robot.c - robot URL PROJECT NAME: a pull robot; its secret goes to standard output if it is new.
 * The login is HARBOR_USER and HARBOR_PASSWORD. */
#include <imgrel/imgrel.h>
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
    imgrel_error err = { 0 };
    imgrel_client *c = NULL;
    imgrel_harbor *h = NULL;
    imgrel_robot *robot = NULL;
    int rc;

    if (argc != 4)
        return 2;
    if ((rc = imgrel_client_new(&c, &err)) ||
        (rc = imgrel_harbor_new(c, argv[1], getenv("HARBOR_USER"), getenv("HARBOR_PASSWORD"), &h,
                                &err)) ||
        (rc = imgrel_harbor_project_ensure(h, argv[2], 1, NULL, NULL, &err)) ||
        (rc = imgrel_harbor_robot_ensure(h, argv[2], argv[3],
                                         "{\"role\": \"pull\", \"expires\": \"never\"}", NULL,
                                         &robot, &err)))
        fprintf(stderr, "%s\n%s\n", err.message, err.cure);
    else
        fprintf(stderr, "%s is there\n", imgrel_robot_name(robot));
    if (!rc && imgrel_robot_secret(robot))
        puts(imgrel_robot_secret(robot));
    imgrel_robot_free(robot);
    imgrel_harbor_free(h);
    imgrel_client_free(c);
    return rc ? 1 : 0;
}
