-- CreateTable
CREATE TABLE "Task" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "version" INTEGER NOT NULL DEFAULT 1,
    "model" TEXT NOT NULL,
    "prompt" TEXT NOT NULL,
    "durationSeconds" INTEGER NOT NULL,
    "aspectRatio" TEXT NOT NULL,
    "resolution" TEXT NOT NULL,
    "referenceImages" JSONB NOT NULL,
    "billingUnit" TEXT NOT NULL,
    "billingUnits" INTEGER NOT NULL,
    "status" TEXT NOT NULL,
    "upstreamId" TEXT,
    "confirmedUpstreamId" TEXT,
    "upstreamStatus" TEXT,
    "failureCode" TEXT,
    "failureMessage" TEXT,
    "videoUrl" TEXT,
    "videoDurationSeconds" REAL,
    "createdAt" DATETIME NOT NULL,
    "submittedAt" DATETIME,
    "lastCheckedAt" DATETIME,
    "nextCheckAt" DATETIME,
    "completedAt" DATETIME,
    "leasedUntil" DATETIME,
    "checkCount" INTEGER NOT NULL DEFAULT 0,
    "notFoundCount" INTEGER NOT NULL DEFAULT 0,
    "history" JSONB NOT NULL,
    "idempotencyKey" TEXT,
    "orderHash" TEXT,
    "resubmissionOfId" TEXT
);

-- CreateIndex
CREATE UNIQUE INDEX "Task_confirmedUpstreamId_key" ON "Task"("confirmedUpstreamId");

-- CreateIndex
CREATE UNIQUE INDEX "Task_idempotencyKey_key" ON "Task"("idempotencyKey");

-- CreateIndex
CREATE INDEX "Task_nextCheckAt_idx" ON "Task"("nextCheckAt");

-- CreateIndex
CREATE INDEX "Task_status_id_idx" ON "Task"("status", "id");

-- CreateIndex
CREATE INDEX "Task_model_id_idx" ON "Task"("model", "id");

-- CreateIndex
CREATE INDEX "Task_upstreamId_idx" ON "Task"("upstreamId");

-- CreateIndex
CREATE INDEX "Task_resubmissionOfId_idx" ON "Task"("resubmissionOfId");
