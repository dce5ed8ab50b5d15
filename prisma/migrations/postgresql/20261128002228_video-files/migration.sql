-- AlterTable
ALTER TABLE "Task" ADD COLUMN     "storage" TEXT,
ADD COLUMN     "storeDueAt" TIMESTAMP(3);

-- CreateTable
CREATE TABLE "VideoFile" (
    "taskId" TEXT NOT NULL,
    "client" TEXT NOT NULL,
    "version" INTEGER NOT NULL DEFAULT 1,
    "state" TEXT NOT NULL DEFAULT 'PENDING',
    "name" TEXT,
    "sizeBytes" INTEGER,
    "sha256" TEXT,
    "contentType" TEXT,
    "message" TEXT,
    "attempts" INTEGER NOT NULL DEFAULT 0,
    "createdAt" TIMESTAMP(3) NOT NULL,
    "storedAt" TIMESTAMP(3),
    "deleteAt" TIMESTAMP(3),
    "dueAt" TIMESTAMP(3),
    "leasedUntil" TIMESTAMP(3),

    CONSTRAINT "VideoFile_pkey" PRIMARY KEY ("taskId")
);

-- CreateTable
CREATE TABLE "DatabaseFact" (
    "name" TEXT NOT NULL,
    "value" TEXT NOT NULL,

    CONSTRAINT "DatabaseFact_pkey" PRIMARY KEY ("name")
);

-- CreateIndex
CREATE INDEX "VideoFile_dueAt_idx" ON "VideoFile"("dueAt");

-- CreateIndex
CREATE INDEX "VideoFile_client_state_idx" ON "VideoFile"("client", "state");

-- CreateIndex
CREATE INDEX "Task_storeDueAt_idx" ON "Task"("storeDueAt");
