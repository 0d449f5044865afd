{{- /* The line "image:", and "imagePullPolicy:" where one is wanted. */ -}}
{{- define "steelyard.image" -}}
image: {{ .Values.image.repository }}{{ if .Values.image.digest }}@{{ .Values.image.digest }}{{ else }}:{{ .Values.image.tag | default .Chart.AppVersion }}{{ end }}
{{- with .Values.image.pullPolicy }}
imagePullPolicy: {{ . }}
{{- end }}
{{- end -}}

{{- /* Flags that differ from the program's own defaults, each with a comma behind it. */ -}}
{{- define "steelyard.flags" -}}
{{- if ne .Values.logLevel "info" }} --log-level={{ .Values.logLevel }},{{ end }}
{{- if ne (int .Values.metrics.port) 7472 }} --port={{ .Values.metrics.port }},{{ end }}
{{- with .Values.metrics.host }} {{ printf "--host=%s" . | quote }},{{ end }}
{{- if .Values.metrics.certificateSecret }} --metrics-cert-dir=/etc/steelyard-metrics,{{ end }}
{{- end -}}

{{- define "steelyard.controllerFlags" -}}
{{- if not .Values.defaultAdvertisement }} --no-default-advertisement,{{ end }}
{{- if not .Values.webhook.enabled }} --webhook-port=0,{{ end }}
{{- with .Values.loadBalancerClass }} {{ printf "--lb-class=%s" . | quote }},{{ end }}
{{- include "steelyard.flags" . }}
{{- end -}}

{{- define "steelyard.speakerFlags" -}}
{{- with .Values.speaker.gratuitousArpInterval }} {{ printf "--gratuitous-arp-interval=%v" . | quote }},{{ end }}
{{- with .Values.speaker.dataplaneHealth }} {{ printf "--dataplane-health=%s" . | quote }},{{ end }}
{{- include "steelyard.flags" . }}
{{- end -}}

{{- /* Whole lines of a Pod's spec: given the chart and a nodeSelector. */ -}}
{{- define "steelyard.placement" -}}
{{- $chart := index . 0 -}}
{{- with index . 1 }}      nodeSelector: {{ toJson . }}
{{ end -}}
{{- with $chart.Values.image.pullSecrets }}      imagePullSecrets: [{{ range $i, $name := . }}{{ if $i }}, {{ end }}{name: {{ $name }}}{{ end }}]
{{ end -}}
{{- end -}}

{{- /* The certificate of /metrics, in a Pod that has no other volume, and in one that has. */ -}}
{{- define "steelyard.volumes" -}}
{{- if .Values.metrics.certificateSecret }}      volumes:
{{ include "steelyard.volume" . }}{{ end -}}
{{- end -}}

{{- define "steelyard.volume" -}}
{{- with .Values.metrics.certificateSecret }}        - {name: metrics-certificate, secret: {secretName: {{ . }}}}
{{ end -}}
{{- end -}}

{{- define "steelyard.mounts" -}}
{{- if .Values.metrics.certificateSecret }}          volumeMounts:
{{ include "steelyard.mount" . }}{{ end -}}
{{- end -}}

{{- define "steelyard.mount" -}}
{{- if .Values.metrics.certificateSecret }}            - {name: metrics-certificate, mountPath: /etc/steelyard-metrics, readOnly: true}
{{ end -}}
{{- end -}}
