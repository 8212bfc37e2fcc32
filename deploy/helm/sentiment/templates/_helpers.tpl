{{- define "sentiment.labels" -}}
app.kubernetes.io/part-of: airline-sentiment
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{- /* labels that select the pods of a component: (dict "root" $ "component" NAME) */ -}}
{{- define "sentiment.selector" -}}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end -}}

{{- /* an image: (dict "root" $ "name" airflow, api or mlflow) */ -}}
{{- define "sentiment.image" -}}
{{- $image := index .root.Values.images .name -}}
image: {{ printf "%s:%s" $image.repository ($image.tag | default .root.Chart.AppVersion) }}
imagePullPolicy: {{ $image.pullPolicy }}
{{- end -}}

{{- /* of a pod: the user of its image, and nothing of the cluster's API */ -}}
{{- define "sentiment.pod" -}}
automountServiceAccountToken: false
enableServiceLinks: false
{{- with .root.Values.imagePullSecrets }}
imagePullSecrets: {{- toYaml . | nindent 2 }}
{{- end }}
securityContext:
  runAsNonRoot: true
  runAsUser: {{ .user }}
  runAsGroup: 0
  fsGroup: 0
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile: {type: RuntimeDefault}
{{- end -}}

{{- define "sentiment.container" -}}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: {drop: [ALL]}
{{- end -}}

{{- /* a variable from the Secret: (dict "root" $ "name" VARIABLE "key" KEY "optional" false) */ -}}
{{- define "sentiment.secret" -}}
- name: {{ .name }}
  valueFrom: {secretKeyRef: {name: {{ .root.Values.secretName }}, key: {{ .key | default .name }}{{ if .optional }}, optional: true{{ end }}}}
{{- end -}}

{{- /* URL of a database, with its password: (dict "root" $ "name" VARIABLE "driver" … "role" … "database" … "key" KEY) */ -}}
{{- define "sentiment.database" -}}
{{ include "sentiment.secret" (dict "root" .root "name" (printf "DATABASE_PASSWORD_%s" (.role | upper)) "key" .key) }}
- name: {{ .name }}
  value: {{ printf "%s://%s:$(DATABASE_PASSWORD_%s)@%s:%v/%s" .driver .role (.role | upper) .root.Values.postgres.host .root.Values.postgres.port .database }}
{{- end -}}

{{- define "sentiment.policy" -}}
{{- range $name, $value := .Values.policy }}
- {name: {{ $name }}, value: {{ $value | quote }}}
{{- end }}
{{- end -}}

{{- /* name of a shared volume */ -}}
{{- define "sentiment.volume" -}}
- name: {{ . }}
  persistentVolumeClaim: {claimName: sentiment-{{ . }}}
{{- end -}}
