package cli

import (
	"github.com/spf13/cobra"

	"github.com/omni-run/omni/api"
	"github.com/omni-run/omni/internal/cli/table"
)

func (a *app) tenantsCommand() *cobra.Command {
	var p placeFlags
	c := group("tenants", "Make, list, change and disable tenants",
		a.tenantCreate(&p), a.tenantList(&p), a.tenantUpdate(&p), a.tenantSwitch(&p, true), a.tenantSwitch(&p, false))
	p.register(a, c)
	return c
}

func (a *app) tenantCreate(p *placeFlags) *cobra.Command {
	var req api.CreateTenantRequest
	var limits limitFlags
	c := &cobra.Command{
		Use: "create ID", Short: "Make a tenant", Args: exactly(1, "the tenant's id"),
		Long: "Make a tenant. Its limits are its tier's, but for those it gets of its own.",
		Example: "  omni tenants create acme --tier pro --name 'Acme Corp.'\n" +
			"  omni tenants create acme --tier pro --requests-per-minute 500 --burst 50",
		RunE: func(cmd *cobra.Command, args []string) error {
			req.ID = args[0]
			var err error
			if req.Limits, err = limits.request(); err != nil {
				return err
			}
			return a.with(cmd.Context(), p, true, func(k keyring) error {
				t, err := k.createTenant(cmd.Context(), req)
				if err != nil {
					return err
				}
				return a.printf("tenant %s, %s%s; next: omni keys create --tenant %s\n", t.ID, t.Tier, ownLimits(t), t.ID)
			})
		},
	}
	c.Flags().StringVar(&req.Tier, "tier", "free", "free, pro, enterprise, or one of the configuration")
	c.Flags().StringVar(&req.Name, "name", "", "its name in full")
	limits.register(c)
	return c
}

func (a *app) tenantList(p *placeFlags) *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List tenants", Args: exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.with(cmd.Context(), p, false, func(k keyring) error {
				list, err := k.tenants(cmd.Context())
				if err != nil {
					return err
				}
				t := table.New("id", "name", "tier", "created", "disabled", "own limits")
				for _, x := range list {
					t.Add(x.ID, x.Name, x.Tier, day(&x.CreatedAt), day(x.DisabledAt), limitsText(x.Limits))
				}
				_, err = t.WriteTo(a.Stdout)
				return err
			})
		},
	}
}

func (a *app) tenantUpdate(p *placeFlags) *cobra.Command {
	var tier, name string
	var limits limitFlags
	c := &cobra.Command{
		Use: "update ID", Short: "Change a tenant's tier, name or own limits", Args: exactly(1, "the tenant's id"),
		Long: "Change a tenant's tier, name or own limits. A limit of its own takes the place of its\ntier's, on every gateway, within a second.",
		Example: "  omni tenants update acme --tier enterprise\n" +
			"  omni tenants update acme --requests-per-minute 500 --burst 50\n" +
			"  omni tenants update acme --burst tier",
		RunE: func(cmd *cobra.Command, args []string) error {
			var req api.UpdateTenantRequest
			if cmd.Flags().Changed("tier") {
				req.Tier = &tier
			}
			if cmd.Flags().Changed("name") {
				req.Name = &name
			}
			var err error
			if req.Limits, err = limits.request(); err != nil {
				return err
			}
			if req == (api.UpdateTenantRequest{}) {
				return usagef("nothing to change: give --tier, --name or a limit")
			}
			return a.changeTenant(cmd, p, args[0], req)
		},
	}
	c.Flags().StringVar(&tier, "tier", "", "free, pro, enterprise, or one of the configuration")
	c.Flags().StringVar(&name, "name", "", "its name in full")
	limits.register(c)
	limits.registerNone(c)
	return c
}

func (a *app) tenantSwitch(p *placeFlags, disabled bool) *cobra.Command {
	use, short := "enable ID", "Let a disabled tenant's keys be valid again"
	if disabled {
		use, short = "disable ID", "Refuse all keys of a tenant, everywhere, within a second"
	}
	return &cobra.Command{
		Use: use, Short: short, Args: exactly(1, "the tenant's id"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.changeTenant(cmd, p, args[0], api.UpdateTenantRequest{Disabled: &disabled})
		},
	}
}

func (a *app) changeTenant(cmd *cobra.Command, p *placeFlags, id string, req api.UpdateTenantRequest) error {
	return a.with(cmd.Context(), p, false, func(k keyring) error {
		t, err := k.updateTenant(cmd.Context(), id, req)
		if err != nil {
			return err
		}
		state := "enabled"
		if t.DisabledAt != nil {
			state = "disabled since " + day(t.DisabledAt)
		}
		return a.printf("tenant %s, %s, %s%s\n", t.ID, t.Tier, state, ownLimits(t))
	})
}

// ownLimits ends a line on a tenant; empty if all its limits are its tier's.
func ownLimits(t api.AdminTenant) string {
	if own := limitsText(t.Limits); own != "" {
		return "; own limits: " + own
	}
	return ""
}
