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
    "notFoundCount" INTEGER NOT NULL DEFAULT 0
);

-- CreateIndex
CREATE INDEX "Task_nextCheckAt_idx" ON "Task"("nextCheckAt");

-- CreateIndex
CREATE INDEX "Task_status_id_idx" ON "Task"("status", "id");

-- CreateIndex
CREATE INDEX "Task_model_id_idx" ON "Task"("model", "id");
