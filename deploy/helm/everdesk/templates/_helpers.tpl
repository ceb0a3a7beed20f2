{{- define "everdesk.name" -}}
{{- if contains .Chart.Name .Release.Name }}{{ .Release.Name | trunc 40 | trimSuffix "-" }}{{ else }}{{ printf "%s-%s" .Release.Name .Chart.Name | trunc 40 | trimSuffix "-" }}{{ end }}
{{- end }}

{{- define "everdesk.selector" -}}
app.kubernetes.io/name: everdesk
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "everdesk.labels" -}}
{{ include "everdesk.selector" . }}
app.kubernetes.io/version: {{ .Values.image.tag | default .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}

{{- define "everdesk.image" -}}
{{ .Values.image.repository }}{{ if .Values.image.digest }}@{{ .Values.image.digest }}{{ else }}:{{ .Values.image.tag | default .Chart.AppVersion }}{{ end }}
{{- end }}

{{- define "everdesk.serviceAccount" -}}
{{ .Values.serviceAccount.name | default (include "everdesk.name" .) }}
{{- end }}

{{/* http or https, and the public addresses of the two sites. */}}
{{- define "everdesk.portalUrl" -}}
{{ ternary "https" "http" .Values.site.https }}://{{ .Values.site.host }}
{{- end }}

{{- define "everdesk.deskUrl" -}}
{{- if .Values.site.deskHost }}{{ ternary "https" "http" .Values.site.https }}://{{ .Values.site.deskHost }}{{ else }}{{ include "everdesk.portalUrl" . }}/desk{{ end }}
{{- end }}

{{- define "everdesk.podSecurity" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
fsGroupChangePolicy: OnRootMismatch
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "everdesk.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end }}

{{/* What all pods have in common: where they may run, and what they may not do. */}}
{{- define "everdesk.podBasics" -}}
automountServiceAccountToken: false
# The variables that Kubernetes makes of Services would be taken for settings of ours.
enableServiceLinks: false
securityContext:
  {{- include "everdesk.podSecurity" . | nindent 2 }}
{{- with .Values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- end }}

{{- define "everdesk.volumes" -}}
- name: tmp
  emptyDir:
    sizeLimit: {{ .Values.tmpSize }}
{{- end }}
