package jobs

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/omni-run/omni/api"
	"github.com/omni-run/omni/internal/webhook"
)

// Webhooks says how tenants are told of their jobs.
type Webhooks struct {
	Guard webhook.Guard
	// Timeout of one attempt; default 15 s.
	Timeout time.Duration
	// Key, of 32 bytes, encrypts secrets in the database; nil leaves them plain.
	Key []byte
	// DisableAfter is how long every delivery must have failed until an
	// endpoint is given up; default 5 days.
	DisableAfter time.Duration
	// PerTenant is how many endpoints one tenant may have; default 10.
	PerTenant int
	// Retries are the pauses between attempts; default from 5 s to 12 h, some
	// two days together.
	Retries []time.Duration
}

// keepDeliveries is how long the log of deliveries outlives the jobs.
const keepDeliveries = 48 * time.Hour

// messenger holds what sending takes.
type messenger struct {
	Webhooks
	client *http.Client
	seal   cipher.AEAD // nil for plain secrets
}

func newMessenger(o Webhooks) (*messenger, error) {
	m := &messenger{Webhooks: o}
	if m.Timeout == 0 {
		m.Timeout = 15 * time.Second
	}
	if m.DisableAfter == 0 {
		m.DisableAfter = 5 * 24 * time.Hour
	}
	if m.PerTenant == 0 {
		m.PerTenant = 10
	}
	if m.Retries == nil {
		m.Retries = []time.Duration{
			5 * time.Second, 30 * time.Second, 2 * time.Minute, 10 * time.Minute, 30 * time.Minute, time.Hour, 2 * time.Hour, 4 * time.Hour, 8 * time.Hour, 12 * time.Hour, 12 * time.Hour,
		}
	}
	m.client = o.Guard.Client(m.Timeout)
	if o.Key == nil {
		return m, nil
	}
	block, err := aes.NewCipher(o.Key)
	if err != nil {
		return nil, fmt.Errorf("the key for webhook secrets: %w", err)
	}
	m.seal, err = cipher.NewGCM(block)
	return m, err
}

func (m *messenger) close() { m.client.CloseIdleConnections() }

// How a stored secret begins.
const (
	secretPlain  = 'p'
	secretSealed = 's'
)

// hide returns what is stored of a secret. The endpoint's id is bound to it,
// so that rows cannot be exchanged.
func (m *messenger) hide(id string, s webhook.Secret) []byte {
	if m.seal == nil {
		return append([]byte{secretPlain}, s...)
	}
	nonce := make([]byte, m.seal.NonceSize())
	_, _ = rand.Read(nonce) // never fails
	return m.seal.Seal(append([]byte{secretSealed}, nonce...), nonce, s, []byte(id))
}

var errSealed = errors.New("jobs: a webhook's secret is encrypted with a key that is not configured")

func (m *messenger) reveal(id string, stored []byte) (webhook.Secret, error) {
	switch {
	case len(stored) > 1 && stored[0] == secretPlain:
		return stored[1:], nil
	case m.seal == nil || len(stored) < 1+m.seal.NonceSize():
		return nil, errSealed
	}
	nonce, sealed := stored[1:1+m.seal.NonceSize()], stored[1+m.seal.NonceSize():]
	s, err := m.seal.Open(nil, nonce, sealed, []byte(id))
	if err != nil {
		return nil, errSealed
	}
	return s, nil
}

// jobEvents are what a tenant can be told.
var jobEvents = []string{api.EventJobSucceeded, api.EventJobFailed, api.EventJobCancelled}

func unknownWebhook() error { return api.NotFound("unknown_webhook", "there is no such webhook") }

// CreateWebhook adds an endpoint of a tenant. The answer alone shows its secret.
func (m *Manager) CreateWebhook(ctx context.Context, tenant string, req *api.CreateWebhookRequest) (api.Webhook, string, error) {
	if fault := m.messages.Guard.Check(req.URL); fault != "" {
		return api.Webhook{}, "", api.Unprocessable("bad_url", "the webhook cannot be sent there").At("url", "%s", fault)
	}
	events := slices.Compact(slices.Sorted(slices.Values(req.Events)))
	for _, e := range events {
		if !slices.Contains(jobEvents, e) {
			return api.Webhook{}, "", api.Unprocessable("unknown_event", "events takes %s", strings.Join(jobEvents, ", ")).At("events", "got %.40q", e)
		}
	}
	if len(events) == 0 {
		events = jobEvents
	}
	secret, now := webhook.NewSecret(), m.opt.Now()
	w := api.Webhook{ID: "wh_" + strings.ToLower(rand.Text()), URL: req.URL, Events: events, State: api.WebhookActive, CreatedAt: now.UTC().Truncate(time.Millisecond)}
	err := m.whileBusy(ctx, func(ctx context.Context, tx transaction) error {
		if m.words.lockTenant != "" {
			if _, err := tx.exec(ctx, m.words.lockTenant, tenant); err != nil {
				return err
			}
		}
		var n int
		if err := tx.queryRow(ctx, `SELECT count(*) FROM webhooks WHERE tenant = ?`, tenant).Scan(&n); err != nil {
			return err
		}
		if n >= m.messages.PerTenant {
			return api.Conflict("too_many_webhooks", "you have %d webhooks already; delete one", n)
		}
		_, err := tx.exec(ctx, `INSERT INTO webhooks (id, tenant, url, events, secret, created_at) VALUES (?, ?, ?, ?, ?, ?)`,
			w.ID, tenant, w.URL, strings.Join(events, " "), m.messages.hide(w.ID, secret), now.UnixMilli())
		return err
	})
	if err != nil {
		return api.Webhook{}, "", fmt.Errorf("adding a webhook: %w", m.fault(err))
	}
	return w, secret.String(), nil
}

const webhookColumns = `id, url, events, created_at, failing_since, disabled_at, previous_until`

func (m *Manager) scanWebhook(r row) (api.Webhook, error) {
	var (
		w                 api.Webhook
		events            string
		created, overlap  int64
		failing, disabled *int64
	)
	if err := r.Scan(&w.ID, &w.URL, &events, &created, &failing, &disabled, &overlap); err != nil {
		return api.Webhook{}, err
	}
	w.Events, w.CreatedAt, w.State = strings.Fields(events), time.UnixMilli(created).UTC(), api.WebhookActive
	w.FailingSince, w.DisabledAt = moment(failing), moment(disabled)
	if disabled != nil {
		w.State = api.WebhookDisabled
	}
	if overlap > m.opt.Now().UnixMilli() {
		w.PreviousSecretUntil = moment(&overlap)
	}
	return w, nil
}

// ListWebhooks returns a tenant's endpoints, oldest first.
func (m *Manager) ListWebhooks(ctx context.Context, tenant string) ([]api.Webhook, error) {
	found, err := m.store.query(ctx, `SELECT `+webhookColumns+` FROM webhooks WHERE tenant = ? ORDER BY created_at, id`, tenant)
	if err != nil {
		return nil, fmt.Errorf("listing webhooks: %w", m.fault(err))
	}
	defer found.close()
	list := []api.Webhook{}
	for found.Next() {
		w, err := m.scanWebhook(found)
		if err != nil {
			return nil, fmt.Errorf("listing webhooks: %w", m.fault(err))
		}
		list = append(list, w)
	}
	return list, m.fault(found.Err())
}

// Webhook returns a tenant's endpoint and its newest deliveries.
func (m *Manager) Webhook(ctx context.Context, tenant, id string) (api.Webhook, []api.Delivery, error) {
	w, err := m.scanWebhook(m.store.queryRow(ctx, `SELECT `+webhookColumns+` FROM webhooks WHERE id = ? AND tenant = ?`, id, tenant))
	if errors.Is(err, errNoRows) {
		return w, nil, unknownWebhook()
	}
	if err != nil {
		return w, nil, fmt.Errorf("reading a webhook: %w", m.fault(err))
	}
	found, err := m.store.query(ctx, `SELECT id, event, status, attempts, answer, problem, created_at, attempted_at FROM deliveries
		WHERE webhook = ? ORDER BY created_at DESC, id LIMIT 50`, id)
	if err != nil {
		return w, nil, fmt.Errorf("reading a webhook's deliveries: %w", m.fault(err))
	}
	defer found.close()
	list := []api.Delivery{}
	for found.Next() {
		var (
			d         api.Delivery
			created   int64
			attempted *int64
		)
		if err := found.Scan(&d.ID, &d.Event, &d.State, &d.Attempts, &d.AnswerStatus, &d.Problem, &created, &attempted); err != nil {
			return w, nil, fmt.Errorf("reading a webhook's deliveries: %w", m.fault(err))
		}
		d.CreatedAt, d.AttemptedAt = time.UnixMilli(created).UTC(), moment(attempted)
		list = append(list, d)
	}
	return w, list, m.fault(found.Err())
}

// DeleteWebhook removes a tenant's endpoint; what was not delivered is not.
func (m *Manager) DeleteWebhook(ctx context.Context, tenant, id string) error {
	return m.changeWebhook(ctx, "deleting a webhook", `DELETE FROM webhooks WHERE id = ? AND tenant = ?`, id, tenant)
}

// RotateWebhook gives an endpoint a new secret, shown once. Until the overlap
// ends messages bear a signature of the former one too.
func (m *Manager) RotateWebhook(ctx context.Context, tenant, id string, overlap time.Duration) (string, error) {
	secret := webhook.NewSecret()
	err := m.changeWebhook(ctx, "rotating a webhook's secret", `UPDATE webhooks SET previous = secret, previous_until = ?, secret = ? WHERE id = ? AND tenant = ?`,
		m.opt.Now().Add(overlap).UnixMilli(), m.messages.hide(id, secret), id, tenant)
	return secret.String(), err
}

func (m *Manager) changeWebhook(ctx context.Context, doing, query string, args ...any) error {
	err := m.whileBusy(ctx, func(ctx context.Context, tx transaction) error {
		n, err := tx.exec(ctx, query, args...)
		if err == nil && n == 0 {
			return unknownWebhook()
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("%s: %w", doing, m.fault(err))
	}
	return nil
}

// TestWebhook sends an endpoint a message that says nothing. A disabled
// endpoint that takes it is active again.
func (m *Manager) TestWebhook(ctx context.Context, tenant, id string) (delivery string, err error) {
	err = m.whileBusy(ctx, func(ctx context.Context, tx transaction) error {
		n, err := tx.exec(ctx, `UPDATE webhooks SET url = url WHERE id = ? AND tenant = ?`, id, tenant)
		if err != nil {
			return err
		}
		if n == 0 {
			return unknownWebhook()
		}
		delivery, err = m.queueDelivery(ctx, tx, id, api.EventTest, map[string]string{"webhook_id": id})
		return err
	})
	if err != nil {
		return "", fmt.Errorf("testing a webhook: %w", m.fault(err))
	}
	return delivery, nil
}

// announceEnd queues a message for each active endpoint that wants to hear of
// the job's end, in the transaction that ends it.
func (m *Manager) announceEnd(ctx context.Context, tx transaction, id string) error {
	// The result stays out: it may be large, and is fetched with a key.
	j, err := scan(tx.queryRow(ctx, `SELECT id, status, progress, NULL, error, endpoint, request_id, created_at, started_at, finished_at FROM jobs WHERE id = ?`, id))
	if err != nil {
		return err
	}
	event := "job." + j.Status
	found, err := tx.query(ctx, `SELECT w.id, w.events FROM webhooks w JOIN jobs j ON j.tenant = w.tenant WHERE j.id = ? AND w.disabled_at IS NULL`, id)
	if err != nil {
		return err
	}
	var wanted []string
	for found.Next() {
		var hook, events string
		if err := found.Scan(&hook, &events); err != nil {
			found.close()
			return err
		}
		if slices.Contains(strings.Fields(events), event) {
			wanted = append(wanted, hook)
		}
	}
	found.close()
	if err := found.Err(); err != nil {
		return err
	}
	for _, hook := range wanted {
		if _, err := m.queueDelivery(ctx, tx, hook, event, j); err != nil {
			return err
		}
	}
	return nil
}

// queueDelivery writes a message down and queues it.
func (m *Manager) queueDelivery(ctx context.Context, tx transaction, hook, event string, data any) (id string, err error) {
	now := m.opt.Now()
	payload, err := json.Marshal(api.WebhookMessage{Type: event, Timestamp: now.UTC(), Data: data})
	if err != nil {
		return "", err
	}
	id = "msg_" + strings.ToLower(rand.Text())
	if _, err := tx.exec(ctx, `INSERT INTO deliveries (id, webhook, event, payload, status, created_at) VALUES (?, ?, ?, ?, ?, ?)`,
		id, hook, event, payload, api.DeliveryPending, now.UnixMilli()); err != nil {
		return "", err
	}
	_, err = m.store.insert(ctx, tx, deliveryArgs{DeliveryID: id}, m.messages.insertOptions())
	return id, err
}
