-- For lists: the things of a tenant in the order in which they were made, by charger, or by what they came from.

CREATE INDEX profile_assignments_by_tenant ON profile_assignments (tenant, id);
CREATE INDEX charger_profiles_by_tenant ON charger_profiles (tenant, id);
CREATE INDEX charger_profiles_by_template ON charger_profiles (template_id, id) WHERE template_id IS NOT NULL;
CREATE INDEX certificate_requests_by_tenant ON certificate_requests (tenant, id);
CREATE INDEX charger_certificates_by_tenant ON charger_certificates (tenant, id);
CREATE INDEX key_rotations_by_tenant ON key_rotations (tenant, id);
CREATE INDEX profile_upgrades_by_tenant ON profile_upgrades (tenant, charger_id);
CREATE INDEX security_events_in_order ON security_events (tenant, id);
CREATE INDEX security_events_by_charger ON security_events (charger_id, id);
CREATE INDEX firmware_campaigns_by_tenant ON firmware_campaigns (tenant, id);
CREATE INDEX firmware_updates_by_tenant ON firmware_updates (tenant, id);
CREATE INDEX log_uploads_by_tenant ON log_uploads (tenant, id);
CREATE INDEX local_lists_by_tenant ON local_lists (tenant, charger_id);
CREATE INDEX availability_wishes_by_tenant ON availability_wishes (tenant, charger_id, evse, connector);
CREATE INDEX maintenance_windows_by_tenant ON maintenance_windows (tenant, id);
CREATE INDEX charger_resets_by_tenant ON charger_resets (tenant, id);
