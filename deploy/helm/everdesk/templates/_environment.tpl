{{/* Variables by who reads them: the classes of settings in docs/settings.md. */}}

{{/* One variable from a key of a Secret: a list of its name, the Secret, the key and whether it may be missing. */}}
{{- define "everdesk.fromSecret" -}}
{{- $name := index . 0 -}}
- name: {{ $name }}
  valueFrom:
    secretKeyRef:
      name: {{ index . 1 }}
      key: {{ index . 2 }}
      {{- if gt (len .) 3 }}
      optional: true
      {{- end }}
{{- end }}

{{- define "everdesk.env.every" -}}
- {name: EVERDESK_PORT, value: {{ .port | quote }}}
{{- with .root }}
- {name: EVERDESK_TEMPORAL_ADDRESS, value: {{ .Values.temporal.address | quote }}}
- {name: EVERDESK_TEMPORAL_NAMESPACE, value: {{ .Values.temporal.namespace | quote }}}
- {name: EVERDESK_PORTAL_URL, value: {{ include "everdesk.portalUrl" . | quote }}}
- {name: EVERDESK_DESK_URL, value: {{ include "everdesk.deskUrl" . | quote }}}
- {name: EVERDESK_STREAM_REPLICAS, value: {{ .Values.nats.replicas | quote }}}
- {name: EVERDESK_STREAM_MAX_BYTES, value: {{ .Values.nats.streamMaxBytes | int64 | quote }}}
- {name: EVERDESK_STREAM_MAX_AGE_DAYS, value: {{ .Values.nats.streamMaxAgeDays | quote }}}
{{- with .Values.nats.monitorUrl }}
- {name: EVERDESK_NATS_MONITOR_URL, value: {{ . | quote }}}
{{- end }}
{{ include "everdesk.fromSecret" (list "EVERDESK_NATS_URL" .Values.secrets.nats "url") }}
{{ include "everdesk.fromSecret" (list "EVERDESK_LINK_SECRET" .Values.secrets.keys "link-secret") }}
{{ include "everdesk.fromSecret" (list "EVERDESK_METRICS_TOKEN" .Values.secrets.keys "metrics-token" true) }}
{{- end }}
{{- end }}

{{- define "everdesk.env.service" -}}
{{ include "everdesk.env.every" . }}
{{ include "everdesk.fromSecret" (list "EVERDESK_DATABASE_URL" .root.Values.secrets.databases (printf "%s-url" .database)) }}
{{- with .root }}
- {name: EVERDESK_DATABASE_POOL_SIZE, value: {{ .Values.postgresql.poolSize | quote }}}
- {name: EVERDESK_SEED, value: {{ .Values.site.seed | quote }}}
- {name: EVERDESK_MAIL_FROM, value: {{ .Values.site.mailFrom | quote }}}
- {name: EVERDESK_SECURE_COOKIES, value: {{ .Values.site.https | quote }}}
{{- with .Values.ingress.trustedProxies }}
- {name: EVERDESK_TRUSTED_PROXIES, value: {{ join ", " . | quote }}}
{{- end }}
{{- end }}
{{- end }}

{{- define "everdesk.env.intake" -}}
{{ include "everdesk.env.service" . }}
{{- with .root }}
{{- if eq .Values.files.store "s3" }}
- {name: EVERDESK_STORAGE_URL, value: {{ .Values.files.s3.url | quote }}}
- {name: EVERDESK_STORAGE_REGION, value: {{ .Values.files.s3.region | quote }}}
{{- with .Values.files.s3.endpoint }}
- {name: EVERDESK_STORAGE_ENDPOINT, value: {{ . | quote }}}
{{- end }}
{{- with .Values.secrets.storage }}
{{ include "everdesk.fromSecret" (list "EVERDESK_STORAGE_ACCESS_KEY" . "access-key") }}
{{ include "everdesk.fromSecret" (list "EVERDESK_STORAGE_SECRET_KEY" . "secret-key") }}
{{- end }}
{{- else }}
- {name: EVERDESK_STORAGE_URL, value: /var/lib/everdesk/files}
{{- end }}
{{- end }}
{{- end }}

{{- define "everdesk.env.mailIn" -}}
{{ include "everdesk.env.intake" . }}
- {name: EVERDESK_MAIL_IN_PORT, value: "2525"}
{{- with .root.Values.secrets.mailboxes }}
{{ include "everdesk.fromSecret" (list "EVERDESK_MAILBOXES" . "mailboxes") }}
{{- end }}
{{- if .root.Values.secrets.mailTls }}
- {name: EVERDESK_MAIL_TLS_CERTIFICATE, value: /etc/everdesk/tls/tls.crt}
- {name: EVERDESK_MAIL_TLS_KEY, value: /etc/everdesk/tls/tls.key}
{{- end }}
{{- end }}

{{- define "everdesk.env.assignment" -}}
{{ include "everdesk.env.service" . }}
{{- with .root }}
- {name: EVERDESK_INTAKE_URL, value: {{ printf "http://%s-intake:8001" (include "everdesk.name" .) | quote }}}
- {name: EVERDESK_NOTIFICATION_URL, value: {{ printf "http://%s-notification:8003" (include "everdesk.name" .) | quote }}}
{{ include "everdesk.fromSecret" (list "EVERDESK_SESSION_SECRET" .Values.secrets.keys "session-secret") }}
{{ include "everdesk.fromSecret" (list "EVERDESK_SECOND_FACTOR_KEYS" .Values.secrets.keys "second-factor-keys" true) }}
{{- with .Values.secrets.oidc }}
{{ include "everdesk.fromSecret" (list "EVERDESK_OIDC_CLIENT_SECRET" . "client-secret") }}
{{- end }}
{{- end }}
{{- end }}

{{- define "everdesk.env.notification" -}}
{{ include "everdesk.env.service" . }}
{{- with .root }}
- {name: EVERDESK_SMTP_HOST, value: {{ .Values.smtp.host | quote }}}
- {name: EVERDESK_SMTP_PORT, value: {{ .Values.smtp.port | quote }}}
- {name: EVERDESK_SMTP_TLS, value: {{ .Values.smtp.tls | quote }}}
{{- if .Values.site.exposeNotification }}
- {name: EVERDESK_PATH_PREFIX, value: /notify}
{{- end }}
{{ include "everdesk.fromSecret" (list "EVERDESK_OPERATOR_TOKEN" .Values.secrets.keys "operator-token") }}
{{- with .Values.secrets.dkim }}
- {name: EVERDESK_DKIM_KEY_FILE, value: /etc/everdesk/dkim/key.pem}
{{- end }}
{{- with .Values.secrets.smtp }}
{{ include "everdesk.fromSecret" (list "EVERDESK_SMTP_USERNAME" . "username") }}
{{ include "everdesk.fromSecret" (list "EVERDESK_SMTP_PASSWORD" . "password") }}
{{- end }}
{{- end }}
{{- end }}

{{- define "everdesk.env.worker" -}}
{{ include "everdesk.env.every" . }}
{{- with .root }}
- {name: EVERDESK_WORKFLOW_CACHE, value: {{ .Values.worker.cache | quote }}}
- {name: EVERDESK_PROMOTE_ON_START, value: {{ .Values.worker.promoteOnStart | quote }}}
{{- end }}
{{- end }}

{{/* Settings without a value of their own: those of one process win over those of all. */}}
{{- define "everdesk.env.settings" -}}
{{- $all := merge (dict) .own .common }}
{{- range $name := keys $all | sortAlpha }}
- {name: {{ $name }}, value: {{ get $all $name | toString | quote }}}
{{- end }}
{{- end }}
