package jobs

import (
	"context"
	"errors"
	"time"

	"github.com/riverqueue/river"

	"github.com/omni-run/omni/api"
	"github.com/omni-run/omni/internal/webhook"
)

const (
	// deliveryQueue is apart from the jobs', so that neither waits for the
	// other.
	deliveryQueue    = "webhooks"
	deliveriesAtOnce = 8
)

// deliveryArgs is what River queues of a message: its id.
type deliveryArgs struct {
	DeliveryID string `json:"delivery_id"`
}

// Kind implements river.JobArgs.
func (deliveryArgs) Kind() string { return "webhook_delivery" }

func (m *messenger) insertOptions() *river.InsertOpts {
	return &river.InsertOpts{Queue: deliveryQueue, MaxAttempts: len(m.Retries) + 1}
}

type deliveryWorker struct {
	river.WorkerDefaults[deliveryArgs]
	manager *Manager
}

// NextRetry implements river.Worker.
func (w *deliveryWorker) NextRetry(j *river.Job[deliveryArgs]) time.Time {
	pauses := w.manager.messages.Retries
	if len(pauses) == 0 {
		return time.Time{}
	}
	return time.Now().Add(pauses[min(max(j.Attempt, 1), len(pauses))-1])
}

// Work implements river.Worker: one attempt.
func (w *deliveryWorker) Work(ctx context.Context, j *river.Job[deliveryArgs]) error {
	return w.manager.deliver(ctx, j.Args.DeliveryID, j.Attempt >= j.MaxAttempts)
}

// delivery is a message with all that sending it takes.
type delivery struct {
	webhook.Message
	hook, event string
	failing     *int64
}

func (m *Manager) deliver(ctx context.Context, id string, last bool) error {
	d, err := m.loadDelivery(ctx, id)
	if errors.Is(err, errNoRows) {
		return nil // the endpoint was deleted or disabled, or the message has arrived
	}
	if err != nil {
		return err
	}
	status, sendErr := webhook.Send(ctx, m.messages.client, d.Message, m.opt.Now())
	if ctx.Err() != nil {
		return ctx.Err() // the gateway stops: River gives it to the next
	}
	var failure *webhook.SendError
	if sendErr != nil && !errors.As(sendErr, &failure) {
		failure = &webhook.SendError{Problem: "the message could not be sent"}
	}
	if failure != nil {
		m.opt.Log.Info("a webhook message was not taken", "delivery_id", id, "webhook", d.hook, "status", status, "last", last, "error", sendErr, "cause", errors.Unwrap(sendErr))
	}
	err = m.store.tx(ctx, func(tx transaction) error { return m.logAttempt(ctx, tx, d, status, failure, last) })
	if err != nil {
		return err
	}
	if failure != nil && !failure.Gone {
		return failure
	}
	return nil
}

func (m *Manager) loadDelivery(ctx context.Context, id string) (delivery, error) {
	var (
		d                delivery
		secret, previous []byte
		until            int64
	)
	d.ID = id
	err := m.store.queryRow(ctx, `SELECT w.id, w.url, w.secret, w.previous, w.previous_until, w.failing_since, d.event, d.payload
		FROM deliveries d JOIN webhooks w ON w.id = d.webhook
		WHERE d.id = ? AND d.status = ? AND (w.disabled_at IS NULL OR d.event = ?)`, id, api.DeliveryPending, api.EventTest).
		Scan(&d.hook, &d.URL, &secret, &previous, &until, &d.failing, &d.event, &d.Payload)
	if err != nil {
		return d, err
	}
	present, err := m.messages.reveal(d.hook, secret)
	if err != nil {
		return d, err
	}
	d.Secrets = []webhook.Secret{present}
	if previous != nil && until > m.opt.Now().UnixMilli() {
		former, err := m.messages.reveal(d.hook, previous)
		if err != nil {
			return d, err
		}
		d.Secrets = append(d.Secrets, former)
	}
	return d, nil
}

// logAttempt writes down what came of an attempt, for the tenant to read, and
// gives up an endpoint that has taken nothing for long.
func (m *Manager) logAttempt(ctx context.Context, tx transaction, d delivery, status int, failure *webhook.SendError, last bool) error {
	now := m.opt.Now().UnixMilli()
	state, problem := api.DeliveryDelivered, ""
	switch {
	case failure == nil:
		if _, err := tx.exec(ctx, `UPDATE webhooks SET failing_since = NULL, disabled_at = NULL WHERE id = ?`, d.hook); err != nil {
			return err
		}
	default:
		state, problem = api.DeliveryPending, failure.Problem
		if last || failure.Gone {
			state = api.DeliveryFailed
		}
		long := d.failing != nil && now-*d.failing >= m.messages.DisableAfter.Milliseconds()
		if _, err := tx.exec(ctx, `UPDATE webhooks SET failing_since = coalesce(failing_since, ?),
			disabled_at = CASE WHEN ? THEN coalesce(disabled_at, ?) ELSE disabled_at END WHERE id = ?`, now, long || failure.Gone, now, d.hook); err != nil {
			return err
		}
		if long || failure.Gone {
			m.opt.Log.Warn("a webhook is disabled", "webhook", d.hook, "gone", failure.Gone)
		}
	}
	_, err := tx.exec(ctx, `UPDATE deliveries SET status = ?, attempts = attempts + 1, answer = ?, problem = ?, attempted_at = ? WHERE id = ?`,
		state, status, problem, now, d.ID)
	return err
}
