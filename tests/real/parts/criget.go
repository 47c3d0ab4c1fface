// criget SOCKET version | SOCKET pull IMAGE [USER PASSWORD]: asks a node's runtime over CRI, as a kubelet does.
package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

func ask(args []string) (string, error) {
	conn, err := grpc.NewClient("unix://"+args[1], grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return "", err
	}
	defer conn.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	if args[2] == "version" {
		v, err := cri.NewRuntimeServiceClient(conn).Version(ctx, &cri.VersionRequest{})
		if err != nil {
			return "", err
		}
		return v.RuntimeName + " " + v.RuntimeVersion, nil
	}
	req := &cri.PullImageRequest{Image: &cri.ImageSpec{Image: args[3]}}
	if len(args) > 5 {
		req.Auth = &cri.AuthConfig{Username: args[4], Password: args[5]}
	}
	r, err := cri.NewImageServiceClient(conn).PullImage(ctx, req)
	if err != nil {
		return "", err
	}
	return r.ImageRef, nil
}

func main() {
	if len(os.Args) < 3 {
		fmt.Fprintln(os.Stderr, "usage: criget SOCKET version | SOCKET pull IMAGE [USER PASSWORD]")
		os.Exit(2)
	}
	said, err := ask(os.Args)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(said)
}
