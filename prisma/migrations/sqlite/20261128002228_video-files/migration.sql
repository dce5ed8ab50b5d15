-- AlterTable
ALTER TABLE "Task" ADD COLUMN "storage" TEXT;
ALTER TABLE "Task" ADD COLUMN "storeDueAt" DATETIME;

-- CreateTable
CREATE TABLE "VideoFile" (
    "taskId" TEXT NOT NULL PRIMARY KEY,
    "client" TEXT NOT NULL,
    "version" INTEGER NOT NULL DEFAULT 1,
    "state" TEXT NOT NULL DEFAULT 'PENDING',
    "name" TEXT,
    "sizeBytes" INTEGER,
    "sha256" TEXT,
    "contentType" TEXT,
    "message" TEXT,
    "attempts" INTEGER NOT NULL DEFAULT 0,
    "createdAt" DATETIME NOT NULL,
    "storedAt" DATETIME,
    "deleteAt" DATETIME,
    "dueAt" DATETIME,
    "leasedUntil" DATETIME
);

-- CreateTable
CREATE TABLE "DatabaseFact" (
    "name" TEXT NOT NULL PRIMARY KEY,
    "value" TEXT NOT NULL
);

-- CreateIndex
CREATE INDEX "VideoFile_dueAt_idx" ON "VideoFile"("dueAt");

-- CreateIndex
CREATE INDEX "VideoFile_client_state_idx" ON "VideoFile"("client", "state");

-- CreateIndex
CREATE INDEX "Task_storeDueAt_idx" ON "Task"("storeDueAt");
