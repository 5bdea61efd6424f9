package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/omni-run/omni/internal/buildinfo"
	"github.com/omni-run/omni/internal/config"
	"github.com/omni-run/omni/internal/gateway"
)

func (a *app) gatewayCommand() *cobra.Command {
	var path string
	c := &cobra.Command{
		Use: "gateway", Short: "Serve the edge alone, in front of workers elsewhere (as omni-gateway)",
		Args: exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := config.Load(path, a.Getenv)
			if err != nil {
				return err
			}
			return gateway.Run(cmd.Context(), c, &config.Source{Path: path, Getenv: a.Getenv}, buildinfo.Version(), a.Stdout, a.listen)
		},
	}
	c.Flags().StringVar(&path, "config", a.Getenv("OMNI_CONFIG"), "YAML configuration file; also OMNI_CONFIG")
	return c
}

// closeGateway closes what the gateway stands on, though ctx has ended.
func closeGateway(ctx context.Context, g *gateway.Gateway) error {
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	return g.Close(stop)
}

func (a *app) listen(ctx context.Context, address string) (net.Listener, error) {
	ln, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	return ln, a.listening(address, err)
}

// listening words what keeps a server from an address.
func (a *app) listening(address string, err error) error {
	_, port, split := net.SplitHostPort(address)
	switch {
	case errors.Is(err, syscall.EADDRINUSE) && split == nil:
		return fmt.Errorf("port %s is taken (%s): stop what listens there, or choose another with --listen 127.0.0.1:%s", port, address, otherPort(port))
	case errors.Is(err, syscall.EACCES) && split == nil:
		return fmt.Errorf("port %s needs more rights: choose one from 1024 on with --listen", port)
	}
	return err
}

func otherPort(port string) string {
	if port == "8081" {
		return "8082"
	}
	return "8081"
}
