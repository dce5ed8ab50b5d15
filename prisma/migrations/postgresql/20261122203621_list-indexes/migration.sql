-- DropIndex
DROP INDEX "Task_model_id_idx";

-- DropIndex
DROP INDEX "Task_resubmissionOfId_idx";

-- DropIndex
DROP INDEX "Task_status_id_idx";

-- CreateIndex
CREATE INDEX "Task_client_status_model_id_idx" ON "Task"("client", "status", "model", "id");

-- CreateIndex
CREATE INDEX "Task_status_model_id_idx" ON "Task"("status", "model", "id");

-- CreateIndex
CREATE INDEX "Task_resubmissionOfId_client_id_idx" ON "Task"("resubmissionOfId", "client", "id");
