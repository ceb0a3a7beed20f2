{{/*
The Deployment of one process. Takes root, key (its values), component (its name), command, environment (the name of
the template above), database, port and, where there is more than HTTP, ports, mounts and volumes.
*/}}
{{- define "everdesk.deployment" -}}
{{- $root := .root }}
{{- $own := index $root.Values .key }}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ include "everdesk.name" $root }}-{{ .component }}
  labels:
    {{- include "everdesk.labels" $root | nindent 4 }}
    app.kubernetes.io/component: {{ .component }}
spec:
  {{- if not $own.autoscaling.enabled }}
  replicas: {{ $own.replicas }}
  {{- end }}
  revisionHistoryLimit: 5
  strategy:
    type: RollingUpdate
    rollingUpdate: {maxSurge: 1, maxUnavailable: 0}
  selector:
    matchLabels:
      {{- include "everdesk.selector" $root | nindent 6 }}
      app.kubernetes.io/component: {{ .component }}
  template:
    metadata:
      labels:
        {{- include "everdesk.labels" $root | nindent 8 }}
        app.kubernetes.io/component: {{ .component }}
        {{- with $root.Values.podLabels }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      {{- with $root.Values.podAnnotations }}
      annotations:
        {{- toYaml . | nindent 8 }}
      {{- end }}
    spec:
      {{- include "everdesk.podBasics" $root | nindent 6 }}
      serviceAccountName: {{ include "everdesk.serviceAccount" $root }}
      terminationGracePeriodSeconds: {{ $root.Values.terminationGracePeriodSeconds }}
      {{- if $root.Values.topologySpread.enabled }}
      topologySpreadConstraints:
        {{- range $root.Values.topologySpread.keys }}
        - maxSkew: 1
          topologyKey: {{ . }}
          whenUnsatisfiable: {{ $root.Values.topologySpread.whenUnsatisfiable }}
          labelSelector:
            matchLabels:
              {{- include "everdesk.selector" $root | nindent 14 }}
              app.kubernetes.io/component: {{ $.component }}
        {{- end }}
      {{- end }}
      containers:
        - name: {{ .component }}
          image: {{ include "everdesk.image" $root }}
          imagePullPolicy: {{ $root.Values.image.pullPolicy }}
          command: {{ toJson .command }}
          securityContext:
            {{- include "everdesk.containerSecurity" $root | nindent 12 }}
          env:
            {{- include (printf "everdesk.env.%s" .environment) . | nindent 12 }}
            {{- include "everdesk.env.settings" (dict "own" $own.settings "common" $root.Values.settings) | nindent 12 }}
          ports:
            - {name: http, containerPort: {{ .port }}}
            {{- range $name, $number := .ports }}
            - {name: {{ $name }}, containerPort: {{ $number }}}
            {{- end }}
          startupProbe:
            httpGet: {path: /healthz, port: http}
            periodSeconds: 2
            timeoutSeconds: 2
            failureThreshold: 60
          livenessProbe:
            httpGet: {path: /healthz, port: http}
            periodSeconds: 10
            timeoutSeconds: 5
            failureThreshold: 6
          readinessProbe:
            httpGet: {path: /readyz, port: http}
            periodSeconds: 5
            timeoutSeconds: 2
            failureThreshold: 2
          lifecycle:
            preStop:
              # Until every proxy has heard that this pod is leaving.
              exec: {command: [sleep, "5"]}
          resources:
            {{- toYaml $own.resources | nindent 12 }}
          volumeMounts:
            - {name: tmp, mountPath: /tmp}
            {{- with .mounts }}
            {{- toYaml . | nindent 12 }}
            {{- end }}
      volumes:
        {{- include "everdesk.volumes" $root | nindent 8 }}
        {{- with .volumes }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
{{- end }}

{{/* Takes root, component, port and, where there is more than HTTP, a list of further ports. */}}
{{- define "everdesk.service" -}}
apiVersion: v1
kind: Service
metadata:
  name: {{ include "everdesk.name" .root }}-{{ .component }}
  labels:
    {{- include "everdesk.labels" .root | nindent 4 }}
    app.kubernetes.io/component: {{ .component }}
spec:
  selector:
    {{- include "everdesk.selector" .root | nindent 4 }}
    app.kubernetes.io/component: {{ .component }}
  ports:
    - {name: http, port: {{ .port }}, targetPort: http}
{{- end }}

{{- define "everdesk.disruptionBudget" -}}
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: {{ include "everdesk.name" .root }}-{{ .component }}
  labels:
    {{- include "everdesk.labels" .root | nindent 4 }}
    app.kubernetes.io/component: {{ .component }}
spec:
  maxUnavailable: {{ .root.Values.podDisruptionBudget.maxUnavailable }}
  selector:
    matchLabels:
      {{- include "everdesk.selector" .root | nindent 6 }}
      app.kubernetes.io/component: {{ .component }}
{{- end }}

{{/* Takes root, key and component. Each measure that its values name becomes one metric. */}}
{{- define "everdesk.autoscaler" -}}
{{- $own := (index .root.Values .key).autoscaling }}
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata:
  name: {{ include "everdesk.name" .root }}-{{ .component }}
  labels:
    {{- include "everdesk.labels" .root | nindent 4 }}
    app.kubernetes.io/component: {{ .component }}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: {{ include "everdesk.name" .root }}-{{ .component }}}
  minReplicas: {{ $own.min }}
  maxReplicas: {{ $own.max }}
  behavior:
    scaleUp: {stabilizationWindowSeconds: 30}
    # A queue that is empty for a moment is no reason to stop a process that the next burst needs.
    scaleDown:
      stabilizationWindowSeconds: 600
      policies: [{type: Pods, value: 1, periodSeconds: 120}]
  metrics:
    {{- with $own.cpuPercent }}
    - type: Resource
      resource: {name: cpu, target: {type: Utilization, averageUtilization: {{ . }}}}
    {{- end }}
    {{- with $own.mailsWaiting }}
    - type: External
      external:
        metric: {name: everdesk_mails_in_waiting, selector: {matchLabels: {state: received}}}
        target: {type: AverageValue, averageValue: {{ . | quote }}}
    {{- end }}
    {{- with $own.tasksWaiting }}
    - type: External
      external:
        metric: {name: everdesk_workflow_tasks_waiting}
        target: {type: AverageValue, averageValue: {{ . | quote }}}
    {{- end }}
    {{- with $own.consumerPending }}
    {{- range $consumer := $.consumers }}
    - type: External
      external:
        metric: {name: everdesk_consumer_pending, selector: {matchLabels: {consumer: {{ $consumer }}}}}
        target: {type: AverageValue, averageValue: {{ $own.consumerPending | quote }}}
    {{- end }}
    {{- end }}
{{- end }}

{{/* A process whole: Deployment, Service, budget, autoscaler. Takes what the templates above take. */}}
{{- define "everdesk.process" -}}
{{ include "everdesk.deployment" . }}
---
{{ include "everdesk.service" . }}
{{- if .root.Values.podDisruptionBudget.enabled }}
---
{{ include "everdesk.disruptionBudget" . }}
{{- end }}
{{- if (index .root.Values .key).autoscaling.enabled }}
---
{{ include "everdesk.autoscaler" . }}
{{- end }}
{{- end }}
