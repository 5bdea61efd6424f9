package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/omni-run/omni/internal/cli/doctor"
)

func (a *app) doctorCommand() *cobra.Command {
	o := doctor.Options{Getenv: a.Getenv, Now: a.Now}
	c := &cobra.Command{
		Use: "doctor", Short: "Look at configuration, ports, stores, clocks and workers, and say what to mend",
		Long: `Look at everything a gateway needs, before it runs or while it does: its
configuration and environment, the data folder, the port, the key store, the
limit store, clocks, and each worker with its part of the contract. Run it where
the gateway runs, with the same environment. It ends with 1 if there is a fault.`,
		Args: exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.ConfigPath == "" {
				o.ConfigPath = a.Getenv("OMNI_CONFIG")
			}
			faults := 0
			for _, f := range doctor.Run(cmd.Context(), o) {
				if err := a.printf("%-8s %s: %s\n", f.Outcome, f.Subject, oneLine(f.Found)); err != nil {
					return err
				}
				if f.Mend != "" {
					if err := a.printf("         mend: %s\n", f.Mend); err != nil {
						return err
					}
				}
				if f.Outcome == doctor.Fault {
					faults++
				}
			}
			if faults > 0 {
				return fmt.Errorf("found what is in the way: %d", faults)
			}
			return nil
		},
	}
	c.Flags().StringVar(&o.ConfigPath, "config", "", "the gateway's YAML configuration; also OMNI_CONFIG")
	return c
}
