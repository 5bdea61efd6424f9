package cli

import (
	"cmp"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/omni-run/omni/api"
	"github.com/omni-run/omni/internal/cli/table"
)

func (a *app) keysCommand() *cobra.Command {
	var p placeFlags
	c := group("keys", "Make, list, change, rotate and revoke API keys",
		a.keyCreate(&p), a.keyList(&p), a.keyUpdate(&p), a.keyRotate(&p), a.keyRevoke(&p))
	p.register(a, c)
	return c
}

func (a *app) keyCreate(p *placeFlags) *cobra.Command {
	var req api.CreateKeyRequest
	var expires time.Duration
	c := &cobra.Command{
		Use: "create", Short: "Make a key; it is shown once",
		Example: "  omni keys create --tenant acme --name backend\n  omni keys create --tenant acme --scopes predict,usage --expires 2160h\n  omni keys create --tenant acme --allow 10.0.0.0/8,203.0.113.7",
		Args:    exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if req.Tenant == "" {
				return usagef("--tenant is missing")
			}
			if expires < 0 {
				return usagef("--expires %v lies in the past", expires)
			}
			if expires > 0 {
				end := a.Now().Add(expires).UTC()
				req.ExpiresAt = &end
			}
			return a.with(cmd.Context(), p, true, func(k keyring) error {
				secret, key, err := k.createKey(cmd.Context(), req)
				if err != nil {
					return err
				}
				return a.showSecret(secret, key)
			})
		},
	}
	flags := c.Flags()
	flags.StringVar(&req.Tenant, "tenant", "", "whose key it is")
	flags.StringVar(&req.Name, "name", "", "what it is for")
	flags.StringSliceVar(&req.Scopes, "scopes", nil, "what it may call, such as predict,usage (default: everything)")
	flags.StringSliceVar(&req.Allow, "allow", nil, "networks or addresses it may be used from, such as 10.0.0.0/8 (default: from everywhere)")
	flags.DurationVar(&expires, "expires", 0, "how long it is valid, such as 720h (default: until revoked)")
	return c
}

// showSecret writes the key alone to standard output, so that it can be piped
// into a secret manager, and the rest beside it.
func (a *app) showSecret(secret string, k api.AdminKey) error {
	a.notice("key %s of tenant %s; it is shown this once and stored nowhere", k.ID, k.Tenant)
	return a.printf("%s\n", secret)
}

func (a *app) keyList(p *placeFlags) *cobra.Command {
	var tenant string
	c := &cobra.Command{
		Use: "list", Short: "List keys, oldest first", Args: exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.with(cmd.Context(), p, false, func(k keyring) error {
				list, err := k.keys(cmd.Context(), tenant)
				if err != nil {
					return err
				}
				t := table.New("id", "tenant", "name", "state", "scopes", "allow", "created", "expires")
				for _, key := range list {
					t.Add(key.ID, key.Tenant, key.Name, key.State, strings.Join(key.Scopes, ","), cmp.Or(strings.Join(key.Allow, ","), "-"), day(&key.CreatedAt), day(key.ExpiresAt))
				}
				_, err = t.WriteTo(a.Stdout)
				return err
			})
		},
	}
	c.Flags().StringVar(&tenant, "tenant", "", "only this tenant's")
	return c
}

func day(t *time.Time) string {
	if t == nil {
		return "-"
	}
	return t.UTC().Format("2006-01-02 15:04")
}

func (a *app) keyUpdate(p *placeFlags) *cobra.Command {
	var name string
	var scopes, allow []string
	var anywhere bool
	c := &cobra.Command{
		Use: "update ID", Short: "Change what a key may call and from where", Args: exactly(1, "the key's id (omni keys list)"),
		Example: "  omni keys update 1tGZqaB3xK9dQm --allow 10.0.0.0/8\n  omni keys update 1tGZqaB3xK9dQm --allow-everywhere",
		RunE: func(cmd *cobra.Command, args []string) error {
			var req api.UpdateKeyRequest
			if cmd.Flags().Changed("name") {
				req.Name = &name
			}
			if cmd.Flags().Changed("scopes") {
				req.Scopes = &scopes
			}
			switch {
			case anywhere && len(allow) > 0:
				return usagef("--allow and --allow-everywhere exclude each other")
			case anywhere:
				req.Allow = &[]string{}
			case cmd.Flags().Changed("allow"):
				req.Allow = &allow
			}
			if req == (api.UpdateKeyRequest{}) {
				return usagef("nothing to change: give --name, --scopes, --allow or --allow-everywhere")
			}
			return a.with(cmd.Context(), p, false, func(k keyring) error {
				key, err := k.updateKey(cmd.Context(), args[0], req)
				if err != nil {
					return err
				}
				return a.printf("key %s of tenant %s: scopes %s, allowed from %s\n", key.ID, key.Tenant,
					strings.Join(key.Scopes, ","), cmp.Or(strings.Join(key.Allow, ","), "everywhere"))
			})
		},
	}
	flags := c.Flags()
	flags.StringVar(&name, "name", "", "what it is for")
	flags.StringSliceVar(&scopes, "scopes", nil, "what it may call from now on")
	flags.StringSliceVar(&allow, "allow", nil, "networks or addresses it may be used from, instead of those it had")
	flags.BoolVar(&anywhere, "allow-everywhere", false, "let it be used from every address")
	return c
}

func (a *app) keyRotate(p *placeFlags) *cobra.Command {
	var overlap time.Duration
	c := &cobra.Command{
		Use: "rotate ID", Short: "Make a successor; the old key stays valid for a while", Args: exactly(1, "the key's id (omni keys list)"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.with(cmd.Context(), p, false, func(k keyring) error {
				secret, key, old, err := k.rotate(cmd.Context(), args[0], overlap)
				if err != nil {
					return err
				}
				a.notice("key %s stays valid until %s", old.ID, day(old.ExpiresAt))
				return a.showSecret(secret, key)
			})
		},
	}
	c.Flags().DurationVar(&overlap, "overlap", 24*time.Hour, "how long the old key stays valid")
	return c
}

func (a *app) keyRevoke(p *placeFlags) *cobra.Command {
	return &cobra.Command{
		Use: "revoke ID", Short: "End a key for good, everywhere, within a second", Args: exactly(1, "the key's id (omni keys list)"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.with(cmd.Context(), p, false, func(k keyring) error {
				key, err := k.revoke(cmd.Context(), args[0])
				if err != nil {
					return err
				}
				return a.printf("key %s of tenant %s is revoked\n", key.ID, key.Tenant)
			})
		},
	}
}
