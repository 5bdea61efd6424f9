package cli

import (
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/omni-run/omni/api"
	"github.com/omni-run/omni/client"
)

// webhooksCommand speaks for a tenant: with its key, not the master key.
func (a *app) webhooksCommand() *cobra.Command {
	var url string
	// do gives a command the client of the key's tenant.
	do := func(f func(cmd *cobra.Command, c *client.Client, args []string) error) func(*cobra.Command, []string) error {
		return func(cmd *cobra.Command, args []string) error {
			c, err := a.client(url, a.Getenv("OMNI_API_KEY"))
			if err != nil {
				return err
			}
			defer c.CloseIdleConnections()
			return f(cmd, c, args)
		}
	}
	c := group("webhooks", "Be told of jobs: add, list, test, rotate and delete webhooks (key in OMNI_API_KEY)",
		a.webhookCreate(do), a.webhookList(do), a.webhookShow(do),
		&cobra.Command{
			Use: "test ID", Short: "Send a message that says nothing", Args: exactly(1, "the webhook's id"),
			RunE: do(func(cmd *cobra.Command, c *client.Client, args []string) error {
				t, err := c.TestWebhook(cmd.Context(), args[0])
				if err != nil {
					return err
				}
				return a.printf("message %s is on its way; omni webhooks show %s tells what became of it\n", t.DeliveryID, args[0])
			}),
		},
		a.webhookRotate(do),
		&cobra.Command{
			Use: "delete ID", Short: "Remove a webhook", Args: exactly(1, "the webhook's id"),
			RunE: do(func(cmd *cobra.Command, c *client.Client, args []string) error {
				if _, err := c.DeleteWebhook(cmd.Context(), args[0]); err != nil {
					return err
				}
				return a.printf("webhook %s is deleted\n", args[0])
			}),
		})
	c.PersistentFlags().StringVar(&url, "url", "", "the gateway; also OMNI_URL (default http://127.0.0.1:8080)")
	return c
}

type withClient func(f func(cmd *cobra.Command, c *client.Client, args []string) error) func(*cobra.Command, []string) error

func (a *app) webhookCreate(do withClient) *cobra.Command {
	var events []string
	c := &cobra.Command{
		Use: "create URL", Short: "Add a webhook; its secret is shown once", Args: exactly(1, "its URL"),
		Example: "  omni webhooks create https://example.com/omni --events job.succeeded,job.failed",
		RunE: do(func(cmd *cobra.Command, c *client.Client, args []string) error {
			made, err := c.CreateWebhook(cmd.Context(), &api.CreateWebhookRequest{URL: args[0], Events: events})
			if err != nil {
				return err
			}
			a.notice("webhook %s; its secret is shown this once", made.Webhook.ID)
			return a.printf("%s\n", made.Secret)
		}),
	}
	c.Flags().StringSliceVar(&events, "events", nil, "what to be told of (default: job.succeeded, job.failed, job.cancelled)")
	return c
}

func (a *app) webhookList(do withClient) *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List webhooks, oldest first", Args: exactly(0),
		RunE: do(func(cmd *cobra.Command, c *client.Client, _ []string) error {
			answer, err := c.Webhooks(cmd.Context())
			if err != nil {
				return err
			}
			var list [][]string
			for _, w := range answer.Webhooks {
				list = append(list, []string{w.ID, w.State, w.URL, strings.Join(w.Events, " "), w.CreatedAt.Format(time.RFC3339)})
			}
			return a.rows(false, []string{"webhook", "state", "url", "events", "made"}, list)
		}),
	}
}

func (a *app) webhookShow(do withClient) *cobra.Command {
	return &cobra.Command{
		Use: "show ID", Short: "Show what became of a webhook's newest messages", Args: exactly(1, "the webhook's id"),
		RunE: do(func(cmd *cobra.Command, c *client.Client, args []string) error {
			answer, err := c.Webhook(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			a.notice("%s to %s is %s", answer.Webhook.ID, answer.Webhook.URL, answer.Webhook.State)
			var list [][]string
			for _, d := range answer.Deliveries {
				list = append(list, []string{d.ID, d.Event, d.State, strconv.Itoa(d.Attempts), strconv.Itoa(d.AnswerStatus), d.Problem})
			}
			return a.rows(false, []string{"message", "event", "state", "attempts", "answer", "problem"}, list)
		}),
	}
}

func (a *app) webhookRotate(do withClient) *cobra.Command {
	var overlap time.Duration
	c := &cobra.Command{
		Use: "rotate ID", Short: "Make a new secret; messages are signed with both for an overlap", Args: exactly(1, "the webhook's id"),
		RunE: do(func(cmd *cobra.Command, c *client.Client, args []string) error {
			made, err := c.RotateWebhook(cmd.Context(), args[0], &api.RotateWebhookRequest{Overlap: overlap.String()})
			if err != nil {
				return err
			}
			a.notice("the new secret of webhook %s; it is shown this once", made.ID)
			return a.printf("%s\n", made.Secret)
		}),
	}
	c.Flags().DurationVar(&overlap, "overlap", 24*time.Hour, "how long the old secret signs too")
	return c
}
